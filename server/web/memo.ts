import { Component, type ComponentType, createElement } from 'preact';

/** A component that is drawn anew only when something that it is given is another value. */
export function memo<Props extends object>(
  view: (props: Props) => ReturnType<typeof createElement> | null,
): ComponentType<Props> {
  return class extends Component<Props> {
    static override displayName = view.name;

    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      return isOther(this.props, next);
    }

    override render(props: Props) {
      return createElement(view, props);
    }
  };
}

function isOther<Props extends object>(before: Readonly<Props>, after: Readonly<Props>): boolean {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].some((key) => !Object.is(Reflect.get(before, key), Reflect.get(after, key)));
}
