import { s3Server } from '../rigs/s3-rig.js';

// the artifact store's own spec, over the real MinIO as well: that spec uses it wherever it was built
s3Server('minio', { build: true });
await import('../../libs/artifacts/minio-artifact-store.spec.js');
