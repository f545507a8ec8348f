// What the workbench is made of. Everything below is executed, so each tarball is
// checked against its hash; the dependencies are pinned by code-server's own
// npm-shrinkwrap.json.

export const CODE_SERVER = {
  name: 'code-server',
  version: '4.100.3',
  integrity:
    'sha512-q/Fh2DOxCRNhC/WiG/6sAhSKnj7ZACTVBaeeZ+rWjol//0FCbl/qg1ln5ecZ99jYcfqMxZZAyWcN+YBIo0DgpA==',
};

/** Terminals need node-pty; quick open and text search need ripgrep. */
const PREBUILT = {
  'linux-x64': {
    pty: 'sha512-NcNqRTD14QT+vXcEuqSSvmWY+0+WUBn2uRE8EN0zKtDpIEr9d+YiFj16Uqds6QfcLCHfZmC+Ls7YzwTaqDnanA==',
    ripgrep:
      'sha512-mQ3bVrUpnD2vs7QT0vX90Lt0cnUq467uFtEktIdsJJmW296RoSULRGqWgzG1AKxyBpNDD6l4ZO4qKf6SgyC23Q==',
  },
  'linux-arm64': {
    pty: 'sha512-yyDBmalCfHpLiQMT2zyLcqL2Fay4Xy7rIs8GH4dqKLnEviMvPGOK7LADVkKAsbsyXBSISL3Lt1m1MtxhPH6ckg==',
    ripgrep:
      'sha512-lQ/5zTG++U0E3IhVgS4EPTTn/U4okncaRMM5GOFfOYZywS4nuD31GhkHbNYlDk5CuDC68+hYJ0/eQeyCKJDA+g==',
  },
  'darwin-x64': {
    pty: 'sha512-XZdvqj5FjAMjH8bdp0YfaZjur5DrCIDD1VYiE9EkkYVMDQqRUPHYV3U8BVEQVT9hYfjmpr7dNaELF2KyISWSNA==',
    ripgrep:
      'sha512-25b4gWbL138dGuQU244ebCKKc0q05ULBMoFSz9oAEUHNeqK/lOJViDS7DRvbDazzAzSEdan391Znks/R5mkaTQ==',
  },
  'darwin-arm64': {
    pty: 'sha512-7kFD+owAA61qmhJCtoMbqj3Uvff3YHDiU+4on5F2vQdcMI3MuwGi7dM6MkFG/yuzpw8LF2xULpL71tOPUfxs0w==',
    ripgrep:
      'sha512-r3ktHSvbFycQNF6sl7sNDPocpsI7J+mEzh1IaZFkY0spm3k2Z9t8hPAeOK7+p0l6p6/swkQC14XWX01low+94Q==',
  },
  'win32-x64': {
    pty: 'sha512-3N56BZ+WDFnUMYRtsrr7Ky2mhWGl9xXcyqR6cexfuCqcz9RNWL+KoXRv/nZylY5dYaXkft4JaR1uVu+roiZDAw==',
    ripgrep:
      'sha512-KNPvtElldqILHdnAetujPaowkNbpqJy3ssIGGN6F6Kve9Qi+nNLI2DN01O83JjCEVQbCzl8Ov3QZ9Eov3BR8Dg==',
  },
  'win32-arm64': {
    pty: 'sha512-JOMbCou+0fA7d/m97faIIfIU0jOv8sn2OR7tI45u3AmldKoKoLP8zHY6SAvDDnI3fccO1R2HeR1doVjpS7HM0w==',
    ripgrep:
      'sha512-vfTIjq1OHnzUjxZcHVQAMbnggp8dpGf+0QKFOZHwWPqFwXxQC8eCWM+5NUdoJ6yrElCeMzoUTXoK/LdZaniB+Q==',
  },
};

/**
 * @param {string} platform as in `linux-x64`
 * @returns the pinned packages with native code for it, or undefined where none are built
 */
export function prebuilt(platform) {
  const integrity = PREBUILT[/** @type {keyof typeof PREBUILT} */ (platform)];
  if (!integrity) return undefined;
  return {
    pty: { name: `@lydell/node-pty-${platform}`, version: '1.1.0', integrity: integrity.pty },
    ripgrep: { name: `@vscode/ripgrep-${platform}`, version: '1.18.0', integrity: integrity.ripgrep },
  };
}
