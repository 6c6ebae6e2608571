// dispart export: a model as an ONNX file, so that other engines run it with the same weights.
#include "dispart/commands.hpp"
#include "dispart/io/onnx/write.hpp"

namespace cli {

using namespace dispart;

result<int> export_model(const export_arguments& given, bool as_json) {
    DISPART_TRY(const auto net, load_model(given.model));
    DISPART_CHECK(io::save_onnx(net, given.out));
    if (as_json) print_json({{"model", info(net).name}, {"file", given.out}, {"layers", num_vertices(net)}});
    else std::cout << "wrote " << given.out << '\n';
    return 0;
}

}  // namespace cli
