#include "dispart/model/zoo.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "dispart/model/validate.hpp"
#include "dispart/model/work.hpp"

using namespace dispart;

namespace {

/// Published parameters and multiply-adds of a network at its own input size.
struct published {
    double parameters = 0.0;
    double multiply_adds = 0.0;
};

/// Learned parameters: f32 constants without scalars, the running statistics of batch normalisation and masks.
double parameters(const model& g) {
    double sum = 0.0;
    for (const auto& t : info(g).tensors) {
        const bool fixed = t.name.ends_with(".mean") || t.name.ends_with(".var") || t.name == "causal_mask";
        if (t.constant && t.type == dtype::f32 && t.dims->size() > 0 && !fixed)
            sum += static_cast<double>(elements(*t.dims));
    }
    return sum;
}

/// Multiply-adds of convolutions and matrix products, without biases.
double multiply_adds(const model& g) {
    double sum = 0.0;
    for (layer_id v = 0; v < num_vertices(g); ++v) {
        const auto& op = g[v].op;
        const auto work = work_of(g, v);
        if (op == "LSTM") {  // 4 per gate are no multiply-adds
            const auto& dims = *info(g).tensors[g[v].outputs[0]].dims;
            sum += (work.compute.value - 16.0 * static_cast<double>(elements(dims))) / 2.0;
        }
        if (op != "Conv" && op != "Gemm" && op != "MatMul") continue;
        const double bias = op != "MatMul" && g[v].inputs.size() > 2 ? work.output.value / 4.0 : 0.0;
        sum += (work.compute.value - bias) / 2.0;
    }
    return sum;
}

const std::map<std::string_view, published>& expected() {
    static const std::map<std::string_view, published> table{
        {"bert_base", {109482240, 11.174e9}},     {"densenet121", {7978856, 2.834e9}},
        {"efficientnet_b0", {5288548, 0.3858e9}}, {"gpt2", {124439808, 7.98e9}},
        {"inception_v3", {23834568, 5.713e9}},    {"lstm", {19780400, 0.4644e9}},
        {"mobilenet_v2", {3504872, 0.3008e9}},    {"resnet18", {11689512, 1.814e9}},
        {"resnet50", {25557032, 3.858e9}},        {"resnet50_v1_5", {25557032, 4.089e9}},
        {"squeezenet", {1235496, 0.3492e9}},      {"squeezenet1_0", {1248424, 0.819e9}},
        {"vgg16", {138357544, 15.47e9}},          {"vgg19", {143667240, 19.632e9}},
        {"vit_base", {86567656, 17.56e9}},        {"yolov2", {50962889, 14.74e9}}};
    return table;
}

}  // namespace

TEST_SUITE("model/zoo") {
    TEST_CASE("parameters and multiply-adds are the published ones") {
        for (const auto name : zoo::names()) {
            CAPTURE(name);
            const auto g = zoo::make(name, {.weights = false});
            REQUIRE_MESSAGE(g.has_value(), g.error());
            CHECK(validate(*g).has_value());
            const auto& reference = expected().at(name);
            CHECK(parameters(*g) == reference.parameters);
            CHECK(multiply_adds(*g) == doctest::Approx(reference.multiply_adds).epsilon(0.001));
        }
    }

    TEST_CASE("weights depend on seed and name alone") {
        const auto a = zoo::make("squeezenet", {.seed = 3}).value();
        const auto b = zoo::make("squeezenet", {.seed = 3, .batch = 2, .image = 64}).value();
        const auto c = zoo::make("squeezenet", {.seed = 4}).value();
        const auto first = [](const model& g) { return info(g).tensors[g[0].inputs[1]].value; };
        CHECK(max_abs_difference(first(a), first(b)) == 0.0);
        CHECK(max_abs_difference(first(a), first(c)) > 0.1);
        // The bits are the same on every machine: the first element of seed 1, computed by hand from the hash.
        float value = 0.0F;
        zoo::fill_uniform({&value, 1}, 0, 0.0, 1.0);
        const auto bits = static_cast<std::int32_t>(mix64(0) & 0xffffffU) - 8388608;
        CHECK(value == static_cast<float>(bits) * static_cast<float>(std::sqrt(3.0) / 8388608));
    }

    TEST_CASE("a fill has the mean and deviation that were asked for") {
        std::vector<float> values(100001);
        zoo::fill_uniform(values, zoo::stream_of(1, "w"), 2.0, 0.5);
        double sum = 0.0, squares = 0.0;
        for (const float x : values) sum += static_cast<double>(x);
        const double mean = sum / static_cast<double>(values.size());
        for (const float x : values)
            squares += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean);
        CHECK(mean == doctest::Approx(2.0).epsilon(0.005));
        CHECK(std::sqrt(squares / static_cast<double>(values.size())) == doctest::Approx(0.5).epsilon(0.01));
    }

    TEST_CASE("wrong requests") {
        const auto unknown = zoo::make("vgg17");
        REQUIRE(!unknown);
        CHECK(unknown.error().code == errc::not_found);
        CHECK(unknown.error().hint.find("vgg16") != std::string::npos);
        CHECK(zoo::make("vgg16", {.batch = 0}).error().offender == "batch");
        CHECK(zoo::make("vgg16", {.image = -1}).error().offender == "image");
        CHECK(zoo::make("resnet18", {.weights = false, .image = 1 << 20}).error().offender == "image");
        const auto tiny = zoo::make("vgg16", {.weights = false, .image = 8});
        REQUIRE(!tiny);
        CHECK(tiny.error().code == errc::shape_mismatch);
    }
}
