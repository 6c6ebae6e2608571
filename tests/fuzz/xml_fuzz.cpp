// Any bytes as a SimGrid platform and as hwloc's topology: an error with a message, or a valid cluster.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dispart/cluster/validate.hpp"
#include "dispart/io/xml/hwloc.hpp"
#include "dispart/io/xml/simgrid.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& made : {dispart::io::parse_simgrid(text), dispart::io::parse_hwloc(text)}) {
        const bool good = made ? dispart::validate(*made).has_value() : !made.error().message.empty();
        if (!good) std::abort();
    }
    return 0;
}
