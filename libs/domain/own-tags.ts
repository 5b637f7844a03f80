/** Tags in which a compatibility API keeps what its clients say and Runstream has no field for. Nobody else is shown them. */
export const isOwnTag = (key: string): boolean => key.startsWith('runstream.sagemaker.');
