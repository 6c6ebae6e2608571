#include "dispart/run/xtensor_backend.hpp"

#include <doctest/doctest.h>

#include "runtime/backend_conformance.hpp"

using namespace dispart;

TEST_CASE("the xtensor backend conforms") { test::backends::conforms(xtensor_backend{}, {.fuses = false}); }

TEST_CASE("xtensor expressions broadcast as ONNX does") {
    const tensor a = tensor::of<float>({2, 1}, std::vector{1.0F, 2.0F});
    const tensor b = tensor::of<float>({3}, std::vector{10.0F, 20.0F, 30.0F});
    const layer add{"add", "Add", {0, 1}, {2}, {}};
    const auto sum = detail::by_xtensor(add, std::vector{a, b});
    REQUIRE(sum);
    CHECK(sum->dims() == shape{2, 3});
    CHECK(sum->data<float>()[5] == 32.0F);
    CHECK(!detail::by_xtensor(add, std::vector{a, tensor(dtype::f32, {3, 2})}));
    CHECK(!detail::by_xtensor(layer{"conv", "Conv", {0, 1}, {2}, {}}, std::vector{a, b}));
}
