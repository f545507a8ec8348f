/** Work that takes long, and yields where something else may be done first. */
export type Work<T> = Generator<undefined, T>;
