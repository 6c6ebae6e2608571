// Configured, found and compiled: the components' headers under their own names.
#include <dispart/cluster/catalogue.hpp>
#include <dispart/core/units.hpp>
#ifdef WITH_json
#include <dispart/io/json/cluster.hpp>
#endif
#ifdef WITH_onnx
#include <dispart/io/onnx/tensor_proto.hpp>
#endif
#ifdef WITH_xml
#include <dispart/io/xml/hwloc.hpp>
#endif
#ifdef WITH_asio
#include <dispart/run/asio/tcp_address.hpp>
#endif
#ifdef WITH_tls
#include <dispart/run/tls/tls_context.hpp>
#endif

#include <iostream>

int main() {
    using namespace dispart::literals;
    const auto board = dispart::catalogue_device("raspberry-pi-4b", "board");
    if (!board) {
        std::cerr << board.error() << '\n';
        return 1;
    }
    std::cout << board->memory << '\n';
    return 1_GiB / (512_MiB / 1_s) == 2_s ? 0 : 1;
}
