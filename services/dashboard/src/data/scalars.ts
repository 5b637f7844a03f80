/** The scalars of the schema that are no plain type: the generated answers name them. */
export type Float64 = number | 'NaN' | 'Infinity' | '-Infinity' | null;
export type Column = Float64[];
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
