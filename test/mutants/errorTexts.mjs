import { PluginKind, declareValuePlugin } from '@stryker-mutator/api/plugin';

const ERRORS = ['ProtocolError', 'UserError', 'Error', 'RsaKeyError', 'malformed', 'badCommit', 'bad'];

/** What an error says to people is no behaviour; its code is. */
export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'error-texts', {
    shouldIgnore({ node, parent }) {
      if (!node || !['StringLiteral', 'TemplateLiteral'].includes(node.type)) return undefined;
      const made = parent?.type === 'NewExpression' || parent?.type === 'CallExpression' ? parent : undefined;
      const { callee, arguments: args } = made ?? {};
      const isText = callee?.type === 'Identifier' && ERRORS.includes(callee.name) && args.at(-1) === node;
      return isText ? 'The text of an error.' : undefined;
    },
  }),
];
