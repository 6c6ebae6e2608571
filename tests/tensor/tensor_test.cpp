#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "dispart/tensor/raw_codec.hpp"
#include "dispart/tensor/tensor.hpp"

using namespace dispart;

TEST_CASE("tensor: values, type and shape; copies share, clones do not") {
    auto a = tensor::of({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(a.size() == 6);
    CHECK(a.size_bytes() == 24);
    CHECK(reinterpret_cast<std::uintptr_t>(a.bytes().data()) % tensor::alignment == 0);
    CHECK(a.unique());
    auto shared = a;
    auto flat = a.reshaped({6});
    const auto copy = a.clone();
    a.data<float>()[4] = 50;
    CHECK(shared.data<float>()[4] == 50);
    CHECK(flat.data<float>()[4] == 50);
    CHECK(copy.data<float>()[4] == 5);
    CHECK_FALSE(a.unique());
}

TEST_CASE("tensor: a scalar has one element, an empty shape none, a default one no value") {
    CHECK(tensor(dtype::i64, {}).size() == 1);
    CHECK(tensor(dtype::f32, {2, 0}).size() == 0);
    CHECK_FALSE(tensor().has_value());
}

TEST_CASE("tensor::make: hostile shapes are errors") {
    CHECK(tensor::make(dtype::f32, {-1}).error().code == errc::shape_mismatch);
    const auto big = std::numeric_limits<std::int64_t>::max();
    CHECK(tensor::make(dtype::f32, {big, big}).error().code == errc::shape_mismatch);
    CHECK(tensor::make(dtype::u8, {1 << 30, 1 << 30}).error().code == errc::shape_mismatch);
#ifndef __SANITIZE_ADDRESS__  // which ends the program in place of std::bad_alloc
    CHECK(tensor::make(dtype::f64, {max_elements}).error().code == errc::limit_exceeded);
#endif
    CHECK(tensor::make(dtype::f32, {0, big}).error().code == errc::shape_mismatch);  // strides would overflow
    CHECK(tensor::make(dtype::f32, {3, 0, 5})->size() == 0);
}

TEST_CASE("max_abs_difference: NaN is far from a number") {
    const auto nan = std::numeric_limits<float>::quiet_NaN();
    const auto a = tensor::of({2}, std::vector<float>{1.0F, nan});
    CHECK(max_abs_difference(a, a) == 0.0);
    CHECK(max_abs_difference(a, tensor::of({2}, std::vector<float>{1.5F, nan})) == 0.5);
    CHECK(max_abs_difference(a, tensor::of({2}, std::vector<float>{1.5F, 2.0F})) ==
          std::numeric_limits<double>::infinity());
}

TEST_CASE("raw_codec: exact both ways, and a wrong length is an error") {
    const auto sent = tensor::of({3}, std::vector<std::int64_t>{1, -2, 3});
    std::vector<std::byte> wire;
    REQUIRE(raw_codec::encode(sent, wire));
    tensor received(dtype::i64, {3});
    REQUIRE(raw_codec::decode(wire, received));
    CHECK(received.data<std::int64_t>()[1] == -2);
    wire.pop_back();
    CHECK(raw_codec::decode(wire, received).error().code == errc::parse_error);
}

TEST_CASE("dtype: names and sizes") {
    CHECK(size_of(dtype_of<double>) == 8);
    CHECK(dtype_from_string("bf16") == dtype::bf16);
    CHECK_FALSE(dtype_from_string("f8"));
    for (std::size_t i = 0; i < dtype_count; ++i) {
        const auto type = static_cast<dtype>(i);
        CHECK(dtype_from_string(to_string(type)) == type);
    }
}
