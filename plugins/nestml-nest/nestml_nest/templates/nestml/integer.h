#ifndef NESTML_INTEGER_H
#define NESTML_INTEGER_H

#include "exceptions.h"

namespace nestml {

/// The quotient of whole numbers, towards zero; the processor would stop at a division by zero.
inline long quotient(const long a, const long b) {
  if (b == 0) {
    throw nest::KernelException("A model divided a whole number by zero.");
  }
  return b == -1 ? -a : a / b;
}

/// What `quotient` leaves, with the sign of `a`.
inline long remainder(const long a, const long b) {
  if (b == 0) {
    throw nest::KernelException("A model divided a whole number by zero.");
  }
  return b == -1 ? 0 : a % b;
}

}  // namespace nestml

#endif
