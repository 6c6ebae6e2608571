#include "../../examples/own/codec.hpp"

#include <doctest/doctest.h>

#include "tensor/codec_conformance.hpp"

TEST_CASE("the codec of docs/extending/codec.md conforms") {
    dispart::test::codec_conforms(f24_codec{});
    const dispart::tensor t = dispart::test::codec_samples(7)[30];
    CHECK(dispart::test::encoded(f24_codec{}, t).size() == 3 * t.size());
}
