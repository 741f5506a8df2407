// What makes certificates wants to ask classes for metadata of their types. None of those that are used here has any.
Object.assign(Reflect, {
  getMetadata: () => undefined,
  getOwnMetadata: () => undefined,
  defineMetadata: () => undefined,
});
