// The packages that Incumbent is measured against are installed by `npm run bench` alone, so their types are not asked for.

declare module '@valkey/valkey-glide';
declare module 'etcd3';
declare module 'ioredis';
declare module 'redlock';
declare module 'safe-redis-leader';
