#include <dispart/dispart.hpp>

#include <iostream>

int main() {
    using namespace dispart::literals;
    std::cout << 1_GiB / (512_MiB / 1_s) << '\n';
    return 1_GiB / (512_MiB / 1_s) == 2_s ? 0 : 1;
}
