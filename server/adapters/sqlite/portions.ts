/** SQLite and PostgreSQL limit how many values one statement may have; this many rows of ten stay well below both. */
const ROWS_AT_ONCE = 500;

/** The rows in portions that fit into one statement each. */
export function portions<Row>(rows: readonly Row[], size = ROWS_AT_ONCE): Row[][] {
  const count = Math.ceil(rows.length / size);
  return Array.from({ length: count }, (_, index) => rows.slice(index * size, (index + 1) * size));
}
