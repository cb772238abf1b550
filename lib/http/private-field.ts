/**
 * A base class whose constructor returns its argument: the private fields of a derived class are added to that object.
 * Neither middleware nor a body parser can forge them, and a copy of the object does not have them.
 */
export const PrivateField = function (object: object) {
  return object;
} as unknown as new (object: object) => object;
