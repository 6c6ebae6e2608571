#include "dispart/run/tensor_message.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

using namespace dispart;

namespace {

using payload = std::vector<std::byte>;

payload joined(std::span<const std::span<const std::byte>> buffers) {
    payload all;
    for (const auto& each : buffers) all.insert(all.end(), each.begin(), each.end());
    return all;
}

payload message_of(const std::vector<tensor>& tensors, const any_codec& codec = any_codec(raw_codec{})) {
    tensor_message_writer writer;
    const auto buffers = writer.write(7, 3, tensors, codec);
    REQUIRE(buffers);
    const payload all = joined(*buffers);
    CHECK(writer.size() == all.size());
    return all;
}

result<tensor_message> read(const payload& bytes_in, const codec_table& codecs = {},
                            const tensor_limits& limits = {}) {
    return decode_tensors(buffer::copy_of(bytes_in), codecs, limits);
}

std::vector<tensor> some_tensors() {
    return {tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}), tensor::of<std::int64_t>({}, {42}),
            tensor(dtype::u8, {0, 5}), tensor::of<std::uint8_t>({3}, {7, 8, 9})};
}

bool equal(const tensor& a, const tensor& b) {
    return a.type() == b.type() && a.dims() == b.dims() &&
           (a.size_bytes() == 0 || std::memcmp(a.bytes().data(), b.bytes().data(), a.size_bytes()) == 0);
}

/// Doubles by sending every byte as two nibbles, so that the encoded size differs from the tensor's.
struct nibble_codec {
    static std::string_view name() { return "nibbles"; }
    static double max_relative_error() { return 0; }
    static result<void> encode(const tensor& t, std::vector<std::byte>& out) {
        for (const std::byte each : t.bytes()) {
            out.push_back(each >> 4);
            out.push_back(each & std::byte{15});
        }
        return {};
    }
    static result<void> decode(std::span<const std::byte> in, tensor& t) {
        if (in.size() != t.size_bytes() * 2) return fail(errc::parse_error, "nibbles", "wrong size");
        for (std::size_t i = 0; i < t.size_bytes(); ++i) t.bytes()[i] = (in[2 * i] << 4) | in[2 * i + 1];
        return {};
    }
};

}  // namespace

TEST_CASE("TENSORS: there and back, raw elements where they arrived") {
    const auto sent = some_tensors();
    const buffer arrived = buffer::copy_of(message_of(sent));
    const auto got = decode_tensors(arrived, {});
    REQUIRE(got);
    CHECK((got->request == 7 && got->edge == 3));
    REQUIRE(got->tensors.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
        CHECK(equal(got->tensors[i], sent[i]));
        const auto* place = std::as_const(got->tensors[i]).bytes().data();
        CHECK(reinterpret_cast<std::uintptr_t>(place) % tensor::alignment == 0);
        CHECK((place >= arrived.bytes().data() && place <= arrived.bytes().data() + arrived.size()));
    }
    const auto none = read(message_of({}));
    REQUIRE(none);
    CHECK(none->tensors.empty());
}

TEST_CASE("TENSORS: the tensors outlive the payload") {
    auto got = read(message_of(some_tensors()));
    REQUIRE(got);
    CHECK(equal(got->tensors[0], some_tensors()[0]));
}

TEST_CASE("TENSORS: other codecs, by name") {
    codec_table codecs;
    codecs.add(nibble_codec{});
    CHECK(codecs.capabilities() == std::vector<std::string>{"codec:raw", "codec:nibbles"});
    const payload coded = message_of(some_tensors(), any_codec(nibble_codec{}));
    const auto got = read(coded, codecs);
    REQUIRE(got);
    for (std::size_t i = 0; i < got->tensors.size(); ++i) CHECK(equal(got->tensors[i], some_tensors()[i]));
    const auto unknown = read(coded);
    CHECK((unknown.error().code == errc::unsupported && unknown.error().offender == "nibbles"));
}

TEST_CASE("TENSORS: an absent tensor is not sent") {
    tensor_message_writer writer;
    const std::vector<tensor> absent(1);
    CHECK(writer.write(0, 0, absent, any_codec(raw_codec{})).error().code == errc::invalid_argument);
}

TEST_CASE("TENSORS: truncated at every byte, or one byte too many") {
    const payload good = message_of(some_tensors());
    for (std::size_t size = 0; size < good.size(); ++size) {
        const auto got = decode_tensors(buffer::copy_of(std::span(good).first(size)), {});
        REQUIRE(!got);
        CHECK(got.error().code == errc::protocol_error);
    }
    payload longer = good;
    longer.push_back(std::byte{0});
    CHECK(!read(longer));
    CHECK(!decode_tensors(buffer{}, {}));
}

TEST_CASE("TENSORS: every bit of the table flipped") {
    const payload good = message_of(some_tensors());
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        payload bad = good;
        bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        const auto got = read(bad);
        if (!got) continue;
        std::size_t total = 0;
        for (const tensor& each : got->tensors) total += each.size_bytes();
        CHECK(total <= good.size());
    }
}

TEST_CASE("TENSORS: shapes that overflow, ranks and counts over the limit") {
    const auto forged = [](std::vector<std::int64_t> dims, dtype type = dtype::f32) {
        detail::tensor_table table{0, 0, {{type, "raw", std::move(dims), 4}}};
        payload all = encode(table);
        all.resize(detail::aligned(all.size()) + 4);
        return all;
    };
    CHECK(read(forged({1})));
    const std::int64_t big = std::int64_t{1} << 32;
    for (const auto& dims : std::vector<std::vector<std::int64_t>>{
             {big, big}, {big, big, big, big}, {-1}, {std::int64_t{1} << 62}, {big, 65536}, {2, -2}, {0}, {2}}) {
        CAPTURE(to_string(dims));
        CHECK(read(forged(dims)).error().code == errc::protocol_error);
        CHECK(!read(forged(dims, dtype::u64)));
    }
    CHECK(read(forged(std::vector<std::int64_t>(33, 1))).error().message.find("rank") != std::string::npos);
    CHECK(!read(message_of(some_tensors()), {}, {.tensors = 3}));
    CHECK(!read(message_of(some_tensors()), {}, {.bytes = 34}));
    CHECK(read(message_of(some_tensors()), {}, {.bytes = 35}));
}

TEST_CASE("TENSORS: a small message does not decode to a large tensor") {
    codec_table codecs;
    codecs.add(nibble_codec{});
    detail::tensor_table table{0, 0, {{dtype::f32, "nibbles", {1 << 30}, 0}}};
    payload all = encode(table);
    all.resize(detail::aligned(all.size()));
    CHECK(read(all, codecs, {.bytes = 1 << 20}).error().code == errc::protocol_error);
}
