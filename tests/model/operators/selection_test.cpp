#include "dispart/model/operators/selection.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

namespace {

constexpr auto huge = std::numeric_limits<std::int64_t>::max();
constexpr auto tiny = std::numeric_limits<std::int64_t>::min();

/// What a Slice along one axis must select: walk the indices one by one, from a beginning clamped into
/// the data (where ONNX differs from Python for negative steps).
std::int64_t walked(std::int64_t extent, std::int64_t begin, std::int64_t end, std::int64_t step) {
    if (begin < 0) begin += extent;
    if (end < 0) end += extent;
    std::int64_t count = 0;
    const auto low = step > 0 ? 0 : -1;
    const auto high = step > 0 ? extent : extent - 1;
    begin = std::max<std::int64_t>(std::min(begin, high), 0);
    end = std::max<std::int64_t>(std::min(end, high), low);
    if (extent == 0) return 0;
    for (auto i = begin; step > 0 ? i < end : i > end; i += step) ++count;
    return count;
}

}  // namespace

TEST_SUITE("model/operators/selection") {
    TEST_CASE("Concat and Split") {
        CHECK(shape_of({"Concat", {data({2, 3}), data({2, 5})}, {{"axis", std::int64_t{-1}}}}) == "[2, 8]");
        CHECK(shape_of({"Concat", {data({2, 3}), data({2, 5})}, {}, 3}) == "[2, 8]");
        CHECK(error_of({"Concat", {data({2, 3}), data({2, 5})}}) == errc::shape_mismatch);
        CHECK(error_of({"Concat", {data({2, 3}), data({3, 3})}, {{"axis", std::int64_t{1}}}}) ==
              errc::shape_mismatch);
        CHECK(error_of({"Concat", {data({2}), data({2, 3})}, {{"axis", std::int64_t{0}}}}) ==
              errc::shape_mismatch);
        const auto thirds = infer({"Split", {data({7, 2})}, {{"num_outputs", std::int64_t{3}}}, 18, 3});
        REQUIRE(thirds);
        CHECK((*thirds)[0].dims == shape{3, 2});
        CHECK((*thirds)[2].dims == shape{1, 2});
        CHECK(error_of({"Split", {data({7, 2})}, {}, 13, 3}) == errc::shape_mismatch);
        CHECK(shape_of({"Split", {data({7, 2}), list({3, 4})}, {}, 13, 2}) == "[3, 2]");
        CHECK(shape_of({"Split", {data({7, 2})}, {{"split", ints{5, 2}}}, 11, 2}) == "[5, 2]");
        CHECK(error_of({"Split", {data({7, 2})}, {{"split", ints{5, 3}}}, 11, 2}) == errc::shape_mismatch);
        CHECK(error_of({"Split", {data({7, 2})}, {{"split", ints{8, -1}}}, 11, 2}) == errc::shape_mismatch);
        CHECK(error_of({"Split", {data({7, 2})}, {{"split", ints{7}}}, 11, 2}) == errc::shape_mismatch);
        CHECK(error_of({"Split", {data({7, 2})}, {{"split", ints{huge, huge}}}, 11, 2}) ==
              errc::shape_mismatch);
    }

    TEST_CASE("Slice: every begin, end and step of small extents") {
        for (std::int64_t extent = 0; extent <= 5; ++extent)
            for (std::int64_t begin = -7; begin <= 7; ++begin)
                for (std::int64_t end = -7; end <= 7; ++end)
                    for (const std::int64_t step : {-3, -1, 1, 2}) {
                        const op_case c{
                            "Slice", {data({extent}), list({begin}), list({end}), list({0}), list({step})}};
                        CAPTURE(extent);
                        CAPTURE(begin);
                        CAPTURE(end);
                        CAPTURE(step);
                        CHECK(shape_of(c) == to_string(shape{walked(extent, begin, end, step)}));
                    }
    }

    TEST_CASE("Slice: forms and extremes") {
        CHECK(shape_of({"Slice", {data({20, 10, 5})}, {{"starts", ints{0, 0}}, {"ends", ints{3, 10}}}, 9}) ==
              "[3, 10, 5]");
        CHECK(shape_of({"Slice", {data({20, 10, 5}), list({1}), list({huge}), list({-1})}}) == "[20, 10, 4]");
        CHECK(shape_of({"Slice", {data({20}), list({huge}), list({tiny}), list({0}), list({-1})}}) == "[20]");
        CHECK(shape_of({"Slice", {data({20}), list({tiny}), list({huge}), list({0}), list({huge})}}) ==
              "[1]");
        CHECK(shape_of({"Slice", {data({20}), list({19}), list({tiny}), list({0}), list({tiny})}}) == "[1]");
        CHECK(error_of({"Slice", {data({20}), list({0}), list({1}), list({0}), list({0})}}) ==
              errc::shape_mismatch);
        CHECK(error_of({"Slice", {data({20}), list({0, 0}), list({1, 1}), list({0, 0})}}) ==
              errc::shape_mismatch);
        CHECK(error_of({"Slice", {data({20}), list({0}), list({1, 2})}}) == errc::shape_mismatch);
        CHECK(error_of({"Slice", {data({20}), list({0}), list({1}), list({7})}}) == errc::shape_mismatch);
        CHECK(error_of({"Slice", {data({20}), data({1}, dtype::i64), list({1})}}) == errc::unsupported);
    }

    TEST_CASE("Pad") {
        CHECK(shape_of({"Pad", {data({2, 3}), list({1, 0, 0, 2})}}) == "[3, 5]");
        CHECK(shape_of({"Pad", {data({2, 3}), list({-1, 0, 0, -2})}}) == "[1, 1]");
        CHECK(shape_of({"Pad", {data({2, 3})}, {{"pads", ints{0, 1, 0, 1}}}, 10}) == "[2, 5]");
        CHECK(shape_of({"Pad", {data({2, 3})}, {{"paddings", ints{0, 1, 0, 1}}}, 1}) == "[2, 5]");
        CHECK(shape_of({"Pad", {data({2, 3}), list({1, 1}), absent, list({-1})}, {}, 18}) == "[2, 5]");
        const auto reflect = attributes{{"mode", std::string("reflect")}};
        CHECK(shape_of({"Pad", {data({2, 3}), list({0, 2, 0, 2})}, reflect}) == "[2, 7]");
        CHECK(error_of({"Pad", {data({2, 3}), list({0, 3, 0, 0})}, reflect}) == errc::shape_mismatch);
        CHECK(error_of({"Pad", {data({2, 3}), list({-3, 0, 0, 0})}}) == errc::shape_mismatch);
        CHECK(error_of({"Pad", {data({2, 3}), list({huge, huge, huge, huge})}}) == errc::shape_mismatch);
        CHECK(error_of({"Pad", {data({2, 3}), list({tiny, tiny, 0, 0})}}) == errc::shape_mismatch);
        CHECK(error_of({"Pad", {data({2, 3}), list({1, 1})}}) == errc::shape_mismatch);
        CHECK(error_of({"Pad", {data({2, 3}), list({0, 0, 0, 0})}, {{"mode", std::string("odd")}}}) ==
              errc::unsupported);
    }

    TEST_CASE("Gather and Scatter") {
        const auto at = [](shape dims) { return data(std::move(dims), dtype::i64); };
        CHECK(shape_of({"Gather", {data({5, 4}), at({2, 3})}}) == "[2, 3, 4]");
        CHECK(shape_of({"Gather", {data({5, 4}), at({})}, {{"axis", std::int64_t{-1}}}}) == "[5]");
        CHECK(error_of({"Gather", {data({5, 4}), data({2})}}) == errc::invalid_model);
        CHECK(error_of({"Gather", {data({}), at({})}}) == errc::shape_mismatch);
        CHECK(shape_of({"GatherElements", {data({5, 4}), at({7, 4})}}) == "[7, 4]");
        CHECK(error_of({"GatherElements", {data({5, 4}), at({5, 5})}}) == errc::shape_mismatch);
        CHECK(shape_of({"GatherND", {data({2, 3, 4}), at({5, 2})}}) == "[5, 4]");
        CHECK(shape_of({"GatherND", {data({2, 3, 4}), at({2, 1})}, {{"batch_dims", std::int64_t{1}}}}) ==
              "[2, 4]");
        CHECK(error_of({"GatherND", {data({2, 3, 4}), at({5, 4})}}) == errc::shape_mismatch);
        CHECK(error_of({"GatherND", {data({2, 3}), at({2, 1})}, {{"batch_dims", huge}}}) ==
              errc::shape_mismatch);
        CHECK(shape_of({"ScatterND", {data({8, 4}), at({3, 1}), data({3, 4})}}) == "[8, 4]");
        CHECK(error_of({"ScatterND", {data({8, 4}), at({3, 1}), data({3, 5})}}) == errc::shape_mismatch);
        CHECK(shape_of({"ScatterElements", {data({8, 4}), at({2, 4}), data({2, 4})}}) == "[8, 4]");
        CHECK(error_of({"ScatterElements", {data({8, 4}), at({2, 4}), data({2, 3})}}) == errc::shape_mismatch);
    }

    TEST_CASE("TopK, OneHot, Compress and what depends on data") {
        CHECK(shape_of({"TopK", {data({3, 9}), list({4})}, {}, 11, 2}) == "[3, 4]");
        CHECK(shape_of({"TopK", {data({3, 9})}, {{"k", std::int64_t{4}}}, 1, 2}) == "[3, 4]");
        CHECK(error_of({"TopK", {data({3, 9}), list({10})}, {}, 11, 2}) == errc::shape_mismatch);
        CHECK(error_of({"TopK", {data({3, 9}), list({tiny})}, {}, 11, 2}) == errc::shape_mismatch);
        CHECK(shape_of({"OneHot", {data({2, 3}, dtype::i64), number(7), data({2})}}) == "[2, 3, 7]");
        CHECK(shape_of({"OneHot", {data({2, 3}), number(7), data({2})}, {{"axis", std::int64_t{0}}}}) ==
              "[7, 2, 3]");
        CHECK(error_of({"OneHot", {data({2, 3}), number(-7), data({2})}}) == errc::shape_mismatch);
        CHECK(error_of({"OneHot", {data({2, 3}), scales({NAN}), data({2})}}) == errc::shape_mismatch);
        const auto mask = constant(tensor::of({3}, std::vector<std::uint8_t>{1, 0, 1}));
        CHECK(error_of({"Compress", {data({3, 2}), mask}}) == errc::shape_mismatch);
        CHECK(error_of({"NonZero", {data({3, 2})}}) == errc::unsupported);
        CHECK(error_of({"Compress", {data({3, 2}), data({3}, dtype::boolean)}}) == errc::unsupported);
        CHECK(error_of({"CumSum", {data({3, 2}), data({2}, dtype::i64)}}) == errc::shape_mismatch);
        CHECK(error_of({"Trilu", {data({3})}}) == errc::shape_mismatch);
    }
}
