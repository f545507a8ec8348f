// npm run vectors: makes test/vectors/*.json anew, with the keys of the keys.json that is there.
import { bundled } from '../bundled.mjs';

process.exitCode = await bundled('test/vectors/make.ts');
