export const said = 'first';
