/** SQLite and PostgreSQL limit how many values one statement may have; this many rows of ten stay well below both. */
const ROWS_AT_ONCE = 500;

/** The rows in portions that fit into one statement each. */
export function portions<Row>(rows: readonly Row[]): Row[][] {
  const count = Math.ceil(rows.length / ROWS_AT_ONCE);
  return Array.from({ length: count }, (_, index) => rows.slice(index * ROWS_AT_ONCE, (index + 1) * ROWS_AT_ONCE));
}
