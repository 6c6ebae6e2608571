// Every header in one object, which is linked twice: it defines nothing itself, so whatever collides is not inline.
#include "all_headers.hpp"
