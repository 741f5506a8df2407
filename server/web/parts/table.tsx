import type { ComponentChildren } from 'preact';

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
  /** Left out where there is little room. */
  readonly isMinor?: boolean;
  /** Whether rows can be sorted by it. */
  readonly isSortable?: boolean;
  cell(row: Row): ComponentChildren;
}

/** By which column, and whether backwards. In URLs `key` or `-key`. */
export interface Sort {
  readonly key: string;
  readonly isBackwards: boolean;
}

interface Props<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly sort?: Sort;
  readonly onSort?: (sort: Sort) => void;
}

/** A real table: the first column names the row. */
export function Table<Row>({ caption, columns, rows, keyOf, sort, onSort }: Props<Row>) {
  return (
    <div class="table-room">
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, index) =>
                index === 0 ? (
                  <th key={column.key} scope="row" class={classOf(column)}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.key} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadingProps<Row> {
  readonly column: Column<Row>;
  readonly sort: Sort | undefined;
  readonly onSort: ((sort: Sort) => void) | undefined;
}

function Heading<Row>({ column, sort, onSort }: HeadingProps<Row>) {
  const { key, title, isSortable = false } = column;
  const isBy = sort?.key === key;
  const direction = isBy ? (sort.isBackwards ? 'descending' : 'ascending') : undefined;
  if (!isSortable || onSort === undefined)
    return (
      <th scope="col" class={classOf(column)}>
        {title}
      </th>
    );
  return (
    <th scope="col" class={classOf(column)} aria-sort={direction}>
      <button type="button" class="sort" onClick={() => onSort({ key, isBackwards: isBy && !sort.isBackwards })}>
        {title}
        <span aria-hidden="true" class="sort-sign">
          {isBy ? (sort.isBackwards ? '↓' : '↑') : ''}
        </span>
      </button>
    </th>
  );
}

function classOf({ isNumber = false, isMinor = false }: Column<never>): string | undefined {
  const classes = [...(isNumber ? ['number'] : []), ...(isMinor ? ['minor'] : [])];
  return classes.length === 0 ? undefined : classes.join(' ');
}
