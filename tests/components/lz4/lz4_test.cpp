#include "dispart/tensor/lz4/lz4.hpp"

#include <doctest/doctest.h>

#include "dispart/tensor/int8_codec.hpp"
#include "tensor/codec_conformance.hpp"

using namespace dispart;

TEST_CASE("lz4 conforms, alone and behind other codecs") {
    test::codec_conforms(lz4_codec<>{});
    test::codec_conforms(lz4_codec<int8_codec>{});
    test::codec_conforms(lz4_codec<f16_codec>{});
    CHECK(lz4_codec<>{}.name() == "lz4");
    CHECK(lz4_codec<int8_codec>{}.name() == "int8+lz4");
}

TEST_CASE("lz4 makes maps with zeros smaller") {
    tensor t(dtype::f32, {1, 16, 32, 32});
    random_source random(1);
    for (float& x : t.data<float>()) x = static_cast<float>(std::max(0.0, random.uniform(-1.0, 0.5)));
    CHECK(test::encoded(lz4_codec<>{}, t).size() < t.size_bytes() * 3 / 4);
    CHECK(test::encoded(lz4_codec<int8_codec>{}, t).size() < t.size() * 3 / 4);
}
