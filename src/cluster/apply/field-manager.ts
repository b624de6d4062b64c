/** Field manager of everything that Cutover applies. */
export const fieldManager = 'cutover';
