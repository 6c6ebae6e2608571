#include "dispart/common.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "dispart/engine.hpp"
#include "dispart/io/json/model.hpp"
#include "dispart/io/json/reference.hpp"
#include "dispart/io/onnx/read.hpp"
#include "dispart/model/random_weights.hpp"
#include "dispart/model/rewrite.hpp"
#include "dispart/model/zoo.hpp"

namespace cli {

using namespace dispart;

namespace {

// NAME=TEXT; the name may contain '=' itself.
result<std::pair<std::string, std::string>> parse_option(const std::string& text, const std::string& form) {
    const auto equals = text.rfind('=');
    if (equals == std::string::npos || equals + 1 == text.size())
        return fail(errc::invalid_argument, text, "this option is written " + form);
    return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

result<std::int64_t> parse_extent(const std::string& text, const std::string& form) {
    std::int64_t extent = 0;
    const char* last = text.data() + text.size();
    if (std::from_chars(text.data(), last, extent).ptr != last || extent < 0 || text.empty())
        return fail(errc::invalid_argument, text, "this option is written " + form);
    return extent;
}

// 1x3x224x224, or "scalar".
result<shape> parse_shape(const std::string& text) {
    shape dims;
    for (std::size_t begin = 0; text != "scalar" && begin <= text.size();) {
        const auto end = std::min(text.find('x', begin), text.size());
        DISPART_TRY(const auto extent, parse_extent(text.substr(begin, end - begin), "NAME=1x3x224x224"));
        dims.push_back(extent);
        begin = end + 1;
    }
    return dims;
}

result<tensor> parse_value(const std::string& text) {
    const char* last = text.data() + text.size();
    std::int64_t whole = 0;
    double number = 0.0;
    if (text == "true" || text == "false") {
        const bool truth = text == "true";
        return tensor::of<bool>({}, std::span<const bool>(&truth, 1));
    }
    if (std::from_chars(text.data(), last, whole).ptr == last) return tensor::of({}, std::vector{whole});
    if (std::from_chars(text.data(), last, number).ptr == last)
        return tensor::of({}, std::vector{static_cast<float>(number)});
    return fail(errc::invalid_argument, text, "a value is one number, true or false");
}

result<io::onnx_options> options_of(const model_choice& choice) {
    io::onnx_options options{.unbound = choice.batch, .evaluator = evaluate};
    for (const auto& text : choice.bind) {
        DISPART_TRY(const auto option, parse_option(text, "NAME=EXTENT"));
        DISPART_TRY(options.bind[option.first], parse_extent(option.second, "NAME=EXTENT"));
    }
    for (const auto& text : choice.shape) {
        DISPART_TRY(const auto option, parse_option(text, "NAME=1x3x224x224"));
        DISPART_TRY(options.input_shapes[option.first], parse_shape(option.second));
    }
    for (const auto& text : choice.value) {
        DISPART_TRY(const auto option, parse_option(text, "NAME=NUMBER"));
        DISPART_TRY(options.input_values[option.first], parse_value(option.second));
    }
    return options;
}

// A model/1 file has all its shapes: there is nothing to bind.
result<model> load_json_model(const model_choice& choice) {
    if (!choice.bind.empty() || !choice.shape.empty() || !choice.value.empty())
        return fail(errc::invalid_argument, choice.name, "a JSON model has fixed shapes",
                    "--bind, --shape and --value are for ONNX files");
    DISPART_TRY(auto made, io::read_model(choice.name, {.evaluator = evaluate}));
    DISPART_CHECK(simplify(made, evaluate));
    if (choice.random_weights) DISPART_CHECK(randomize_weights(made, choice.seed));
    return made;
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
    if (choice.name.ends_with(".json")) return load_json_model(choice);
    DISPART_TRY(auto options, options_of(choice));
    auto made = io::load_onnx(choice.name, std::move(options));
    if (!made) {
        if (made.error().hint.find("leaves extents open") != std::string::npos)
            made.error().hint += ", here --shape NAME=1x3x224x224 or --bind SYMBOL=EXTENT";
        return made;
    }
    if (choice.random_weights) DISPART_CHECK(randomize_weights(*made, choice.seed));
    return made;
}

result<std::vector<tensor>> make_inputs(const model& m, std::size_t request) {
    std::vector<tensor> inputs;
    for (const auto t : info(m).inputs) {
        const auto& about = info(m).tensors[t];
        if (about.type == dtype::i64) {
            DISPART_TRY(auto made, io::reference_input(*about.dims, dtype::i64));
            const auto values = made.data<std::int64_t>();
            if (!values.empty())
                std::rotate(values.begin(),
                            values.begin() + static_cast<std::ptrdiff_t>(request % values.size()),
                            values.end());
            inputs.push_back(std::move(made));
            continue;
        }
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
        return same ? deviation{} : deviation{infinity, infinity, infinity, false};
    }
    deviation worst;
    double largest = 0.0;
    const auto a = computed.data<float>();
    const auto b = expected.data<float>();
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (std::isfinite(b[i])) largest = std::max(largest, std::abs(static_cast<double>(b[i])));
        if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
        double gap = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
        if (std::isnan(gap)) gap = infinity;
        const double relative = gap / std::max(std::abs(static_cast<double>(b[i])), 1e-6);
        worst.max_abs = std::max(worst.max_abs, gap);
        worst.max_rel = std::max(worst.max_rel, relative);
        worst.within = worst.within && (gap <= tolerance || relative <= tolerance);
    }
    worst.of_largest = worst.max_abs > 0.0 ? worst.max_abs / std::max(largest, 1e-30) : 0.0;
    return worst;
}

}  // namespace cli
