/**
 * Makes what it is given of it: the private fields of a class derived from it are added to that object. There neither
 * middleware nor a body parser can forge them, and no copy of the object has them.
 */
export const PrivateField = function (object: object) {
  return object;
} as unknown as new (object: object) => object;
