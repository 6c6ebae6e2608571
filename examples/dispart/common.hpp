#pragma once
// What the subcommands share: where models come from, and how results and errors are said.

#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/tensor/tensor.hpp"

namespace cli {

using dispart::result;
using dispart::io::ordered_json;

// Which model, and how it is made concrete.
struct model_choice {
    std::string name{};  // of the zoo, or an .onnx or .json file
    std::uint64_t seed = 1;
    std::int64_t batch = 1;
    std::int64_t image = 0;
    std::vector<std::string> bind{};   // NAME=EXTENT
    std::vector<std::string> shape{};  // NAME=1x3x224x224
    std::vector<std::string> value{};  // NAME=16000: such an input becomes a constant
    bool random_weights = false;       // replace a file's weights by seeded random ones
};

// The model, simplified. `weights = false` is enough for planning a model of the zoo.
result<dispart::model> load_model(const model_choice& choice, bool weights = true);

// Inputs by the rule of reference files, those of request r different from those of the next `distinct_inputs` - 1.
inline constexpr std::size_t distinct_inputs = 7;
result<std::vector<dispart::tensor>> make_inputs(const dispart::model& m, std::size_t request = 0);

// How far a computed output is from the expected one: relative to max(1, |expected|), as absolute-or-relative tolerances go.
struct deviation {
    double max_abs = 0.0;
    double max_rel = 0.0;     // |difference| / max(|expected|, 1e-6)
    double of_largest = 0.0;  // max_abs over the largest |expected|
    bool within = true;       // each element within tolerance, absolute or relative
};
deviation compare(const dispart::tensor& computed, const dispart::tensor& expected, double tolerance);

// Prints the error as text or JSON; the exit status.
inline int report_error(const dispart::error& e, bool as_json) {
    if (as_json) {
        const ordered_json document{{"error",
                                     {{"code", dispart::to_string(e.code)},
                                      {"offender", e.offender},
                                      {"message", dispart::to_string(e)},
                                      {"hint", e.hint}}}};
        std::cout << document.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
    } else {
        std::cerr << "dispart: " << e << '\n';
    }
    return 1;
}

inline void print_json(const ordered_json& document) {
    std::cout << document.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
}

}  // namespace cli
