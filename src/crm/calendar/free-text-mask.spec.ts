import { maskFreeText } from './free-text-mask.js';

describe('a text of the calendar feed', () => {
  it.each([
    ['Showing with Jordan Rivera', ['Rivera'], 'Showing with Jordan R.'],
    ['RIVERA, call back', ['Rivera'], 'R., call back'],
    ['Riverast stays', ['Rivera'], 'Riverast stays'],
    ['Call +1 (555) 123-4567 now', [], 'Call *** now'],
    ['Write to jordan.rivera@example.com', [], 'Write to jo***@example.com'],
    ['O(r)tega', ['O(r)tega'], 'O.'],
    ['12 Harbor Street, 98001', [], '12 Harbor Street, 98001'],
  ])('%s', (text, lastNames, expected) => {
    expect(maskFreeText(text, lastNames)).toBe(expected);
  });
});
