#include "dispart/tensor/zfp/zfp_codec.hpp"

#include <doctest/doctest.h>

#include "tensor/codec_conformance.hpp"

using namespace dispart;

TEST_CASE("zfp conforms, reversible and within an error") {
    test::codec_conforms(zfp_codec{});
    test::codec_conforms(zfp_codec{1e-3});
    test::codec_conforms(zfp_codec{1e-2});
    CHECK(zfp_codec{}.name() == "zfp");
    CHECK(zfp_codec{1e-3}.name() == "zfp-0.001");
}

TEST_CASE("zfp makes smooth tensors smaller") {
    tensor t(dtype::f32, {1, 4, 64, 64});
    auto values = t.data<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(0.05F * static_cast<float>(i % 64));
    CHECK(test::encoded(zfp_codec{}, t).size() < t.size_bytes());
    CHECK(test::encoded(zfp_codec{1e-3}, t).size() < t.size_bytes() / 4);
}
