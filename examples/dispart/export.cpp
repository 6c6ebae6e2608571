// dispart export: a model as an ONNX file, so that other engines run it with the same weights, or as model/1 JSON.
#include "dispart/commands.hpp"
#include "dispart/io/json/model.hpp"
#include "dispart/io/onnx/write.hpp"

namespace cli {

using namespace dispart;

result<int> export_model(const export_arguments& given, bool as_json) {
    DISPART_TRY(const auto net, load_model(given.model));
    if (given.out.ends_with(".json")) DISPART_CHECK(io::write_model(given.out, net));
    else DISPART_CHECK(io::save_onnx(net, given.out));
    if (as_json) print_json({{"model", info(net).name}, {"file", given.out}, {"layers", num_vertices(net)}});
    else std::cout << "wrote " << given.out << '\n';
    return 0;
}

}  // namespace cli
