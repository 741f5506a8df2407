/** How much may be kept on the disk, in bytes. */
export interface Limits {
  /** All archives and manifests together. */
  readonly archiveCacheBytes: number;
  /** All deltas together; 0 = none are made. */
  readonly deltaCacheBytes: number;
}
