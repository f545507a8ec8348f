import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../src/crypto/bytes.js';
import { leafHash, merkleRoot, merkleTree } from '../../../src/crypto/merkle.js';

/** The test vectors of Certificate Transparency's reference implementation (RFC 9162's trees). */
const INPUTS = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const leaves = INPUTS.map((hex) => leafHash(fromHex(hex)));

describe('Merkle trees', () => {
  it('have the roots of RFC 9162', () => {
    for (const [i, root] of ROOTS.entries())
      expect(toHex(merkleTree(leaves.slice(0, i + 1)).root)).toBe(root);
  });

  it('have a path from every leaf to the root, and no other leaf or place fits it', () => {
    for (let size = 1; size <= leaves.length; size++) {
      const { root, paths } = merkleTree(leaves.slice(0, size));
      for (const [index, path] of paths.entries()) {
        const at = (leaf: Uint8Array, i: number, n: number, p: readonly Uint8Array[]) =>
          toHex(merkleRoot(leaf, i, n, p) ?? new Uint8Array(0));
        expect(at(leaves[index]!, index, size, path)).toBe(toHex(root));
        for (let other = 0; other < size; other++) {
          if (other === index) continue;
          expect(at(leaves[other]!, index, size, path)).not.toBe(toHex(root));
          expect(at(leaves[index]!, other, size, path)).not.toBe(toHex(root));
        }
        expect(merkleRoot(leaves[index]!, index, size, [...path, root])).toBeUndefined();
        expect(merkleRoot(leaves[index]!, size, size, path)).toBeUndefined();
        if (path.length > 0) expect(merkleRoot(leaves[index]!, index, size, path.slice(1))).toBeUndefined();
      }
    }
  });
});
