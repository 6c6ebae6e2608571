#include "dispart/model/operators/matrix.hpp"

#include <doctest/doctest.h>

#include "model/operator_case.hpp"

using namespace dispart;
using namespace dispart::test;

TEST_SUITE("model/operators/matrix") {
    TEST_CASE("Gemm") {
        CHECK(shape_of({"Gemm", {data({2, 3}), data({3, 4}), data({4})}}) == "[2, 4]");
        const attributes flipped{{"transA", std::int64_t{1}}, {"transB", std::int64_t{1}}};
        CHECK(shape_of({"Gemm", {data({3, 2}), data({4, 3})}, flipped}) == "[2, 4]");
        CHECK(error_of({"Gemm", {data({2, 3}), data({4, 3})}}) == errc::shape_mismatch);
        CHECK(error_of({"Gemm", {data({2, 3}), data({3, 4}), data({5})}}) == errc::shape_mismatch);
        CHECK(error_of({"Gemm", {data({2, 3}), data({3, 4}), data({1, 2, 4})}}) == errc::shape_mismatch);
        CHECK(error_of({"Gemm", {data({1, 2, 3}), data({3, 4})}}) == errc::shape_mismatch);
        CHECK(flops_of({"Gemm", {data({2, 3}), data({3, 4}), data({4})}}) == 2.0 * 24 + 8);
        CHECK(flops_of({"Gemm", {data({3, 2}), data({4, 3})}, flipped}) == 2.0 * 24);
    }

    TEST_CASE("MatMul") {
        CHECK(shape_of({"MatMul", {data({5, 1, 2, 3}), data({7, 3, 4})}}) == "[5, 7, 2, 4]");
        CHECK(shape_of({"MatMul", {data({3}), data({3, 4})}}) == "[4]");
        CHECK(shape_of({"MatMul", {data({2, 3}), data({3})}}) == "[2]");
        CHECK(shape_of({"MatMul", {data({3}), data({3})}}) == "[]");
        CHECK(error_of({"MatMul", {data({2, 3}), data({4, 3})}}) == errc::shape_mismatch);
        CHECK(error_of({"MatMul", {data({}), data({3})}}) == errc::shape_mismatch);
        CHECK(flops_of({"MatMul", {data({5, 2, 3}), data({3, 4})}}) == 2.0 * 5 * 24);
        CHECK(error_of({"MatMul", {data({std::int64_t{1} << 30, 1}), data({1, std::int64_t{1} << 30})}}) ==
              errc::shape_mismatch);
    }

    TEST_CASE("Einsum") {
        const auto einsum = [](const char* equation, std::vector<std::optional<tensor_info>> operands) {
            return op_case{"Einsum", std::move(operands), {{"equation", std::string(equation)}}};
        };
        CHECK(shape_of(einsum("bij, bjk -> bik", {data({5, 2, 3}), data({5, 3, 4})})) == "[5, 2, 4]");
        CHECK(shape_of(einsum("ij,jk", {data({2, 3}), data({3, 4})})) == "[2, 4]");
        CHECK(shape_of(einsum("ii", {data({3, 3})})) == "[]");
        CHECK(shape_of(einsum("...ii->...i", {data({4, 3, 3})})) == "[4, 3]");
        CHECK(shape_of(einsum("...ij,...jk->...ik", {data({7, 1, 2, 3}), data({5, 3, 4})})) ==
              "[7, 5, 2, 4]");
        CHECK(error_of(einsum("ij,jk->ik", {data({2, 3}), data({4, 4})})) == errc::shape_mismatch);
        CHECK(error_of(einsum("ij->ijk", {data({2, 3})})) == errc::shape_mismatch);
        CHECK(error_of(einsum("ij", {data({2, 3}), data({2, 3})})) == errc::shape_mismatch);
        CHECK(error_of(einsum("i?", {data({2, 3})})) == errc::unsupported);
        CHECK(error_of(einsum("", {data({2, 3})})) == errc::shape_mismatch);
        CHECK(error_of(einsum("......", {data({2, 3})})).has_value());
        CHECK(flops_of(einsum("bij,bjk->bik", {data({5, 2, 3}), data({5, 3, 4})})) == 2.0 * 5 * 24);
    }
}
