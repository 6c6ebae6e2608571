// With odr_second.cpp: every header in two translation units of one program.
#include "all_headers.hpp"

int odr_second();

int main() { return odr_second() == 2 ? 0 : 1; }
