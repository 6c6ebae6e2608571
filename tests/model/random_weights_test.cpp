#include "dispart/model/random_weights.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "dispart/model/builder.hpp"

using namespace dispart;

namespace {

struct moments {
    double mean = 0.0;
    double deviation = 0.0;
};

moments moments_of(const tensor& t) {
    double sum = 0.0;
    double squares = 0.0;
    for (const float value : t.data<float>()) {
        sum += static_cast<double>(value);
        squares += static_cast<double>(value) * static_cast<double>(value);
    }
    const double count = static_cast<double>(t.size());
    return {sum / count, std::sqrt(squares / count - sum * sum / (count * count))};
}

/// Conv -> BatchNormalization -> Mul by a vector -> Mul by a scalar -> MatMul.
model sample() {
    model_builder b("m");
    const auto constant = [&](const char* name, shape dims, float value) {
        const auto count = static_cast<std::size_t>(elements(dims));
        return b.constant(name, tensor::of<float>(std::move(dims), std::vector<float>(count, value)));
    };
    auto t = b.add("Conv",
                   {b.input("x", {1, 8, 4, 4}), constant("conv.w", {64, 8, 3, 3}, 0.02F),
                    constant("conv.b", {64}, 0.02F)},
                   {.name = "conv", .attrs = {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}});
    t = b.add("BatchNormalization", {t, constant("scale", {64}, 1.0F), constant("shift", {64}, 1.0F),
                                     constant("mean", {64}, 1.0F), constant("var", {64}, 1.0F)});
    t = b.add("Mul", {t, constant("factors", {64, 1, 1}, 1.0F)});
    t = b.add("Mul", {t, constant("half", {}, 0.5F)});
    b.output(b.add("MatMul", {t, constant("matrix", {4, 4000}, 1.0F)}));
    auto built = std::move(b).build();
    REQUIRE_MESSAGE(built.has_value(), built.error());
    return std::move(*built);
}

const tensor& value_of(const model& m, const std::string& name) {
    for (const auto& t : info(m).tensors)
        if (t.name == name) return t.value;
    FAIL("no tensor " << name);
    return info(m).tensors[0].value;
}

}  // namespace

TEST_CASE("weights are drawn by fan-in, statistics stay meaningful, scalars stay as they are") {
    auto m = sample();
    CHECK(randomize_weights(m, 1) == 8);
    CHECK(validate(m).has_value());
    CHECK(moments_of(value_of(m, "conv.w")).mean == doctest::Approx(0.0).epsilon(0.02));
    CHECK(moments_of(value_of(m, "conv.w")).deviation == doctest::Approx(std::sqrt(2.0 / 72.0)).epsilon(0.05));
    CHECK(moments_of(value_of(m, "matrix")).deviation == doctest::Approx(std::sqrt(2.0 / 4.0)).epsilon(0.05));
    for (const float variance : value_of(m, "var").data<float>()) CHECK(variance > 0.5F);
    for (const float factor : value_of(m, "factors").data<float>()) CHECK(factor > 0.5F);
    CHECK(value_of(m, "half").data<float>()[0] == 0.5F);
}

TEST_CASE("the same seed gives the same weights, another one others, and shared storage is left alone") {
    const auto original = sample();
    auto a = original;
    auto b = original;
    auto c = original;
    CHECK(randomize_weights(a, 7).has_value());
    CHECK(randomize_weights(b, 7).has_value());
    CHECK(randomize_weights(c, 8).has_value());
    const auto first = [](const model& m) { return value_of(m, "conv.w").data<float>()[0]; };
    CHECK(max_abs_difference(value_of(a, "matrix"), value_of(b, "matrix")) == 0.0);
    CHECK(first(a) != first(c));
    CHECK(first(original) == 0.02F);
}

TEST_CASE("weights that are only described get values") {
    model_builder b("m");
    b.output(b.add("Gemm", {b.input("x", {1, 5}), b.weight("w", {3, 5})},
                   {.attrs = {{"transB", std::int64_t{1}}}}));
    auto m = *std::move(b).build();
    CHECK(randomize_weights(m, 1) == 1);
    CHECK(value_of(m, "w").size() == 15);
    auto huge = m;
    info(huge).tensors[1].dims = shape{1 << 30, 1 << 30};
    CHECK(randomize_weights(huge, 1).error().code == errc::shape_mismatch);
}
