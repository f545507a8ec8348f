/** Editors in other browsers than Chromium lack `field-sizing`; there the height follows by hand. */
export function growWithText(input: HTMLTextAreaElement): void {
  if (CSS.supports('field-sizing', 'content')) return;
  const grow = (): void => {
    input.style.height = 'auto';
    input.style.height = `${input.scrollHeight}px`;
  };
  input.addEventListener('input', grow);
  input.addEventListener('resize', grow);
}
