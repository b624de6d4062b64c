// A name from outside, such as `constructor` or `toString`, must not find what every object inherits. Foreign are maps of texts, and
// those whose values the compiler does not know; a map of the program's own objects has only the names that the program gave it.
import ts from 'typescript';

const hasFlag = (type, flags) =>
  type.isUnion() ? type.types.some(one => hasFlag(one, flags)) : (type.flags & flags) !== 0;

/** The code of an expression without its form. */
const textOf = (context, node) => context.sourceCode.getText(node).replace(/\s+/g, '');

const functions = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** Whether a function around the look-up asks for the member before. */
function isAskedFor(context, node, question) {
  for (let around = node.parent; around; around = around.parent)
    if (functions.has(around.type) && textOf(context, around).includes(question)) return true;
  return false;
}

const ownProperties = {
  meta: {
    type: 'problem',
    fixable: 'code',
    schema: [],
    messages: {
      inherited: '{{map}}[{{name}}] finds inherited members as well: write own({{map}}, {{name}})',
      in: '`in` finds inherited members as well: use Object.hasOwn',
    },
  },
  create(context) {
    const services = context.sourceCode.parserServices;
    const typeOf = node => services.getTypeAtLocation(node);
    const hasAnyName = node => hasFlag(typeOf(node), ts.TypeFlags.String);
    return {
      'MemberExpression[computed=true]'(node) {
        const { object, property, parent } = node;
        if (parent.type === 'AssignmentExpression' && parent.left === node) return;
        if (!hasAnyName(property)) return;
        if (!hasFlag(typeOf(node), ts.TypeFlags.Unknown | ts.TypeFlags.Any | ts.TypeFlags.String)) return;
        const [map, name] = [textOf(context, object), textOf(context, property)];
        if (isAskedFor(context, node, `Object.hasOwn(${map},${name})`)) return;
        const code = [object, property].map(one => context.sourceCode.getText(one)).join(', ');
        context.report({
          node,
          messageId: 'inherited',
          data: { map, name },
          fix: fixer => fixer.replaceText(node, `own(${code})`),
        });
      },
      'BinaryExpression[operator="in"]'(node) {
        if (node.left.type !== 'PrivateIdentifier' && hasAnyName(node.left)) context.report({ node, messageId: 'in' });
      },
    };
  },
};

export default { rules: { 'own-properties': ownProperties } };
