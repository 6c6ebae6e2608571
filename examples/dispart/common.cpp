#include "dispart/common.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "dispart/engine.hpp"
#include "dispart/io/json/reference.hpp"
#include "dispart/io/onnx/read.hpp"
#include "dispart/model/random_weights.hpp"
#include "dispart/model/rewrite.hpp"
#include "dispart/model/zoo.hpp"

namespace cli {

using namespace dispart;

namespace {

result<std::map<std::string, std::int64_t, std::less<>>> parse_bindings(const std::vector<std::string>& texts) {
    std::map<std::string, std::int64_t, std::less<>> bindings;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        std::int64_t extent = 0;
        const char* last = text.data() + text.size();
        if (equals == std::string::npos ||
            std::from_chars(text.data() + equals + 1, last, extent).ptr != last || extent < 1)
            return fail(errc::invalid_argument, text, "a binding is NAME=EXTENT",
                        "for example --bind batch=4");
        bindings[text.substr(0, equals)] = extent;
    }
    return bindings;
}

}  // namespace

result<model> load_model(const model_choice& choice, bool weights) {
    const bool is_file =
        choice.name.find('.') != std::string::npos || choice.name.find('/') != std::string::npos;
    if (!is_file) {
        DISPART_TRY(auto made, zoo::make(choice.name, {.seed = choice.seed,
                                                       .weights = weights,
                                                       .batch = choice.batch,
                                                       .image = choice.image}));
        DISPART_CHECK(simplify(made, evaluate));
        return made;
    }
    DISPART_TRY(auto bindings, parse_bindings(choice.bind));
    DISPART_TRY(auto made,
                io::load_onnx(choice.name,
                              {.bind = std::move(bindings), .unbound = choice.batch, .evaluator = evaluate}));
    if (choice.random_weights) DISPART_CHECK(randomize_weights(made, choice.seed));
    return made;
}

result<std::vector<tensor>> make_inputs(const model& m, std::size_t request) {
    std::vector<tensor> inputs;
    for (const auto t : info(m).inputs) {
        const auto& about = info(m).tensors[t];
        if (about.type != dtype::f32) {
            DISPART_TRY(auto made, tensor::make(about.type, *about.dims));
            std::fill(made.bytes().begin(), made.bytes().end(), std::byte{0});
            inputs.push_back(std::move(made));
            continue;
        }
        DISPART_TRY(auto made, io::reference_input(*about.dims));
        const float scale = 1.0F / static_cast<float>(1 + request % distinct_inputs);
        if (request % distinct_inputs != 0)
            for (float& x : made.data<float>()) x *= scale;
        inputs.push_back(std::move(made));
    }
    return inputs;
}

deviation compare(const tensor& computed, const tensor& expected, double tolerance) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (computed.type() != dtype::f32 || expected.type() != dtype::f32 || computed.size() != expected.size()) {
        const bool same =
            computed.type() == expected.type() && computed.size_bytes() == expected.size_bytes() &&
            std::equal(computed.bytes().begin(), computed.bytes().end(), expected.bytes().begin());
        return same ? deviation{} : deviation{infinity, infinity, false};
    }
    deviation worst;
    const auto a = computed.data<float>();
    const auto b = expected.data<float>();
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
        double gap = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
        if (std::isnan(gap)) gap = infinity;
        const double relative = gap / std::max(std::abs(static_cast<double>(b[i])), 1e-6);
        worst.max_abs = std::max(worst.max_abs, gap);
        worst.max_rel = std::max(worst.max_rel, relative);
        worst.within = worst.within && (gap <= tolerance || relative <= tolerance);
    }
    return worst;
}

}  // namespace cli
