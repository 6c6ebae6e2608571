#include "dispart/io/onnx/tensor_proto.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "dispart/core/random.hpp"

using namespace dispart;

namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

/// A TensorProto of the given type and extents whose elements `add` writes.
template <class Add>
std::vector<std::byte> encoded(dtype type, const shape& dims, Add&& add) {
    std::string out;
    protozero::pbf_writer writer(out);
    for (const auto extent : dims) writer.add_int64(1, extent);
    writer.add_int32(2, static_cast<std::int32_t>(onnx_number(type)));
    add(writer);
    return bytes_of(out);
}

template <class T>
std::vector<T> values_of(const result<io::named_tensor>& read) {
    REQUIRE_MESSAGE(read.has_value(), read.error());
    const auto data = read->value.data<T>();
    return {data.begin(), data.end()};
}

errc code_of(const std::vector<std::byte>& bytes) {
    const auto read = io::read_tensor_proto(bytes);
    REQUIRE(!read.has_value());
    CHECK(!read.error().message.empty());
    return read.error().code;
}

}  // namespace

TEST_CASE_TEMPLATE("write and read give back every element type exactly", T, float, double, f16_bits,
                   bf16_bits, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                   std::uint16_t, std::uint32_t, std::uint64_t) {
    random_source random(3);
    tensor t(dtype_of<T>, {3, 5});
    for (auto& byte : t.bytes()) byte = static_cast<std::byte>(random.integer(0, 255));
    const auto read = io::read_tensor_proto(io::write_tensor_proto(t, "some/name"));
    REQUIRE_MESSAGE(read.has_value(), read.error());
    CHECK(read->name == "some/name");
    CHECK(read->value.type() == t.type());
    CHECK(read->value.dims() == t.dims());
    CHECK(std::equal(t.bytes().begin(), t.bytes().end(), read->value.bytes().begin(),
                     read->value.bytes().end()));
}

TEST_CASE("scalars, empty tensors and booleans keep their shape") {
    const auto scalar =
        io::read_tensor_proto(io::write_tensor_proto(tensor::of<float>({}, std::vector{2.5F})));
    CHECK(scalar->value.dims().empty());
    CHECK(values_of<float>(scalar) == std::vector{2.5F});
    const auto empty = io::read_tensor_proto(io::write_tensor_proto(tensor(dtype::i64, {2, 0, 3})));
    REQUIRE(empty.has_value());
    CHECK(empty->value.dims() == shape{2, 0, 3});
    CHECK(empty->value.has_value());
    const auto flags =
        encoded(dtype::boolean, {3}, [](auto& w) { w.add_bytes(9, std::string("\x00\x01\x02", 3)); });
    CHECK(values_of<bool>(io::read_tensor_proto(flags)) == std::vector{false, true, true});
}

TEST_CASE("typed fields are read, packed and one by one") {
    const std::vector<float> reals{1.5F, -2.0F, 0.0F};
    CHECK(values_of<float>(io::read_tensor_proto(encoded(dtype::f32, {3}, [&](auto& w) {
              w.add_packed_float(4, reals.begin(), reals.end());
          }))) == reals);
    CHECK(values_of<float>(io::read_tensor_proto(encoded(dtype::f32, {3}, [&](auto& w) {
              for (const float value : reals) w.add_float(4, value);
          }))) == reals);
    const std::vector<double> doubles{1e300, -0.5};
    CHECK(values_of<double>(io::read_tensor_proto(encoded(dtype::f64, {2}, [&](auto& w) {
              w.add_packed_double(10, doubles.begin(), doubles.end());
          }))) == doubles);
    const std::vector<std::int64_t> longs{std::numeric_limits<std::int64_t>::min(), -1, 1LL << 60};
    CHECK(values_of<std::int64_t>(io::read_tensor_proto(encoded(dtype::i64, {3}, [&](auto& w) {
              w.add_packed_int64(7, longs.begin(), longs.end());
          }))) == longs);
    CHECK(values_of<std::int64_t>(io::read_tensor_proto(encoded(dtype::i64, {3}, [&](auto& w) {
              w.add_int64(7, longs[0]);
              w.add_packed_int64(7, longs.begin() + 1, longs.end());
          }))) == longs);
    const std::vector<std::uint64_t> wide{~std::uint64_t{0}, 7};
    CHECK(values_of<std::uint64_t>(io::read_tensor_proto(encoded(dtype::u64, {2}, [&](auto& w) {
              w.add_packed_uint64(11, wide.begin(), wide.end());
          }))) == wide);
    CHECK(values_of<std::uint32_t>(io::read_tensor_proto(encoded(dtype::u32, {1}, [&](auto& w) {
              w.add_uint64(11, 4294967295U);
          }))) == std::vector{4294967295U});
}

TEST_CASE("int32_data holds the narrow and the 16-bit types") {
    const auto with = [](dtype type, std::vector<std::int32_t> values) {
        return io::read_tensor_proto(encoded(type, {static_cast<std::int64_t>(values.size())}, [&](auto& w) {
            w.add_packed_int32(5, values.begin(), values.end());
        }));
    };
    CHECK(values_of<std::int32_t>(with(dtype::i32, {-5, 1 << 30})) == std::vector{-5, 1 << 30});
    CHECK(values_of<std::int16_t>(with(dtype::i16, {-32768, 32767})) ==
          std::vector<std::int16_t>{-32768, 32767});
    CHECK(values_of<std::int8_t>(with(dtype::i8, {-128, 127})) == std::vector<std::int8_t>{-128, 127});
    CHECK(values_of<std::uint8_t>(with(dtype::u8, {0, 255})) == std::vector<std::uint8_t>{0, 255});
    CHECK(values_of<std::uint16_t>(with(dtype::u16, {0, 65535})) == std::vector<std::uint16_t>{0, 65535});
    CHECK(values_of<bool>(with(dtype::boolean, {0, 1, 7})) == std::vector{false, true, true});
    CHECK(values_of<f16_bits>(with(dtype::f16, {0x3c00, 0xffff})) == std::vector<f16_bits>{{0x3c00}, {0xffff}});
    CHECK(values_of<bf16_bits>(with(dtype::bf16, {0x3f80})) == std::vector<bf16_bits>{{0x3f80}});
    CHECK(with(dtype::u8, {256}).error().code == errc::parse_error);
    CHECK(with(dtype::i8, {128}).error().code == errc::parse_error);
    CHECK(with(dtype::f16, {65536}).error().code == errc::parse_error);
}

TEST_CASE("what is damaged, missing or not handled is a named error") {
    const auto nothing = [](auto&) {};
    CHECK(code_of(encoded(dtype::f32, {3}, nothing)) == errc::parse_error);
    CHECK(code_of(encoded(dtype::f32, {1 << 30, 1 << 18}, nothing)) == errc::parse_error);
    CHECK(code_of(encoded(dtype::f32, {1 << 30, 1 << 30}, nothing)) == errc::shape_mismatch);
    CHECK(code_of(encoded(dtype::f32, {-1}, nothing)) == errc::shape_mismatch);
    CHECK(code_of(encoded(dtype::f32, {2}, [](auto& w) { w.add_float(4, 1.0F); })) == errc::parse_error);
    CHECK(code_of(encoded(dtype::f32, {1}, [](auto& w) {
              w.add_float(4, 1.0F);
              w.add_float(4, 1.0F);
          })) == errc::parse_error);
    CHECK(code_of(encoded(dtype::f32, {1}, [](auto& w) { w.add_bytes(9, "abc"); })) == errc::parse_error);
    CHECK(code_of(encoded(dtype::f32, {1}, [](auto& w) { w.add_bytes(4, "abc"); })) == errc::parse_error);
    CHECK(code_of(encoded(dtype::f32, {1}, [](auto& w) { w.add_int64(9, 3); })) == errc::parse_error);
    CHECK(code_of(encoded(dtype::f32, {1}, [](auto& w) { w.add_int32(14, 1); })) == errc::invalid_argument);
    std::string strings;
    protozero::pbf_writer writer(strings);
    writer.add_int32(2, 8);
    CHECK(code_of(bytes_of(strings)) == errc::unsupported);
    CHECK(code_of(bytes_of("")) == errc::unsupported);  // no type
    CHECK(code_of(bytes_of("not a protobuf message")) == errc::parse_error);
}

TEST_CASE("a tensor truncated anywhere is an error, and says where") {
    const auto whole =
        io::write_tensor_proto(tensor::of<float>({4}, std::vector{1.0F, 2.0F, 3.0F, 4.0F}), "t");
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(!io::read_tensor_proto(std::span(whole).first(size)).has_value());
    const auto cut = io::read_tensor_proto(std::span(whole).first(whole.size() - 1));
    CHECK(cut.error().message.find("at byte") != std::string::npos);
}
