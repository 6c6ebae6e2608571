#include "all_headers.hpp"

int odr_second();
int odr_second() { return 2; }
