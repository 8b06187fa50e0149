/** What is typed into a number: `1024*1.5`, `(3+1)/2`. */

const PRECEDENCE: Readonly<Record<string, number>> = { '+': 1, '-': 1, '*': 2, '/': 2 };

function applied(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    default: return a / b;
  }
}

/** The value of a sum or product with parentheses; undefined for anything else, and where there is no finite one. */
export function calculate(text: string): number | undefined {
  const tokens = text.match(/\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|[-+*/()]|\S/gi) ?? [];
  let at = 0;
  const term = (): number => {
    const token = tokens[at++] ?? '';
    if (token === '-') return -term();
    if (token === '+') return term();
    if (token !== '(') return /^[\d.]/.test(token) ? Number(token) : NaN;
    const inner = chain(0);
    return tokens[at++] === ')' ? inner : NaN;
  };
  const chain = (least: number): number => {
    let left = term();
    for (let strength = PRECEDENCE[tokens[at] ?? '']; strength !== undefined && strength > least; strength = PRECEDENCE[tokens[at] ?? '']) {
      const operator = tokens[at++] ?? '';
      left = applied(operator, left, chain(strength));
    }
    return left;
  };
  const value = chain(0);
  return at === tokens.length && Number.isFinite(value) ? value : undefined;
}
