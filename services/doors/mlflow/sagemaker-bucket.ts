/**
 * MLflow's clients with AWS's plugin know a server by its ARN, and read and write files in S3 only. To them the files that others reach at
 * `mlflow-artifacts:/…` are objects of a bucket of our S3: the same bytes at the same paths.
 */
const bucketName = 'runstream-mlflow';
export const bucketOf = (tenant: string): string => (tenant === '' ? bucketName : `${bucketName}.${tenant}`);

/** The tenant whose files a bucket holds; null: it is a bucket like any other. */
export function tenantOfBucket(bucket: string): string | null {
  if (bucket === bucketName) return '';
  return bucket.startsWith(`${bucketName}.`) ? bucket.slice(bucketName.length + 1) : null;
}
