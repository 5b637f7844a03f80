/** Keys the system writes by its own count: their steps are none of the training, they neither start an attempt's steps nor are cut by a later attempt. */
export const systemKey = (key: string): boolean => key.startsWith('system/') || key.startsWith('_');
