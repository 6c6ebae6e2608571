#include "dispart/run/kernels/norm.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace dispart;

namespace {

tensor ramp(shape dims) {
    tensor t(dtype::f32, std::move(dims));
    for (std::size_t i = 0; i < t.size(); ++i)
        t.data<float>()[i] = static_cast<float>((i * 7 + i * i) % 11) - 4.0F;
    return t;
}
tensor filled(shape dims, const std::vector<float>& values) { return tensor::of(std::move(dims), values); }

std::vector<float> run(kernels::kernel f, const std::string& op, attributes attrs,
                       const std::vector<tensor>& in, std::int64_t opset = 21) {
    const layer node{"n", op, {}, {}, std::move(attrs)};
    auto made = f({node, in, opset});
    REQUIRE_MESSAGE(made.has_value(), made.error());
    const auto values = made->front().data<float>();
    return {values.begin(), values.end()};
}

void check_close(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-5));
}

const kernels::kernel group = kernels::group_normalization_kernel<>;

}  // namespace

TEST_CASE("GroupNormalization with a group per channel is InstanceNormalization") {
    const auto x = ramp({2, 4, 3, 2});
    const auto scale = filled({4}, {1, 2, -1, 0.5F}), bias = filled({4}, {0, 1, 2, 3});
    check_close(run(group, "GroupNormalization", {{"num_groups", std::int64_t{4}}}, {x, scale, bias}),
                run(kernels::instance_normalization_kernel<>, "InstanceNormalization", {}, {x, scale, bias}));
}

TEST_CASE("GroupNormalization with one group is LayerNormalization over channels and space") {
    const auto x = ramp({2, 4, 6});
    const auto scale = filled({4}, {1, 2, -1, 0.5F}), bias = filled({4}, {0, 1, 2, 3});
    std::vector<float> wide_scale, wide_bias;
    for (std::size_t i = 0; i < 24; ++i) {
        wide_scale.push_back(scale.data<float>()[i / 6]);
        wide_bias.push_back(bias.data<float>()[i / 6]);
    }
    const auto layered =
        run(kernels::layer_normalization_kernel<>, "LayerNormalization", {{"axis", std::int64_t{1}}},
            {x, filled({4, 6}, wide_scale), filled({4, 6}, wide_bias)});
    check_close(run(group, "GroupNormalization", {{"num_groups", std::int64_t{1}}}, {x, scale, bias}),
                layered);
}

TEST_CASE("GroupNormalization before opset 21 scales per group") {
    const auto x = ramp({1, 4, 6});
    const attributes two{{"num_groups", std::int64_t{2}}};
    check_close(
        run(group, "GroupNormalization", two, {x, filled({2}, {2, 3}), filled({2}, {0, 1})}, 18),
        run(group, "GroupNormalization", two, {x, filled({4}, {2, 2, 3, 3}), filled({4}, {0, 0, 1, 1})}));
    const layer node{"n", "GroupNormalization", {}, {}, {{"num_groups", std::int64_t{3}}}};
    const std::vector<tensor> operands{x, filled({4}, {1, 1, 1, 1}), filled({4}, {0, 0, 0, 0})};
    CHECK(group({node, operands, 21}).error().code == errc::shape_mismatch);
}

TEST_CASE("RMSNormalization divides by the root of the mean square") {
    const auto y = run(kernels::rms_normalization_kernel<>, "RMSNormalization", {{"epsilon", 0.0F}},
                       {filled({1, 2}, {3, 4}), filled({2}, {1, 2})}, 23);
    const float root = std::sqrt(12.5F);
    check_close(y, {3.0F / root, 8.0F / root});
}
