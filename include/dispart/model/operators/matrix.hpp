#pragma once
/// \file
/// Gemm, MatMul and Einsum.

#include <algorithm>
#include <map>

#include "dispart/model/operators/context.hpp"

namespace dispart::detail {

[[nodiscard]] inline inferred_list infer_gemm(const op_context& c) {
    if (c.rank(0) != 2 || c.rank(1) != 2) return c.bad_shape("both factors need rank 2");
    DISPART_CHECK(same_type(c, 0, 1));
    DISPART_CHECK(same_type(c, 0, 2));
    const bool flip_a = c.integer("transA", 0) != 0;
    const bool flip_b = c.integer("transB", 0) != 0;
    const auto rows = c.dims(0)[flip_a ? 1 : 0];
    const auto columns = c.dims(1)[flip_b ? 0 : 1];
    if (c.dims(0)[flip_a ? 0 : 1] != c.dims(1)[flip_b ? 1 : 0])
        return c.bad_shape(to_string(c.dims(0)) + " and " + to_string(c.dims(1)) + " do not multiply");
    shape dims{rows, columns};
    if (c.has(2)) {
        DISPART_TRY(const auto with_c, broadcast(c, dims, c.dims(2)));
        if (with_c != dims)
            return c.bad_shape(to_string(c.dims(2)) + " does not fit into " + to_string(dims));
    }
    return one(c.type(0), std::move(dims));
}

/// numpy's matmul: leading axes broadcast, a vector counts as one row or one column that is dropped again.
[[nodiscard]] inline inferred_list infer_matmul(const op_context& c) {
    DISPART_CHECK(same_type(c, 0, 1));
    auto a = c.dims(0);
    auto b = c.dims(1);
    if (a.empty() || b.empty()) return c.bad_shape("a factor is a scalar");
    const bool row = a.size() == 1;
    const bool column = b.size() == 1;
    if (row) a.insert(a.begin(), 1);
    if (column) b.push_back(1);
    if (a.back() != b[b.size() - 2])
        return c.bad_shape(to_string(c.dims(0)) + " and " + to_string(c.dims(1)) + " do not multiply");
    DISPART_TRY(auto dims, broadcast(c, shape(a.begin(), a.end() - 2), shape(b.begin(), b.end() - 2)));
    if (!row) dims.push_back(a[a.size() - 2]);
    if (!column) dims.push_back(b.back());
    return one(c.type(0), std::move(dims));
}

/// 2 per multiply-add, and one per element for an addend.
[[nodiscard]] inline double flops_gemm(const op_context& c) {
    const auto inner = static_cast<double>(c.dims(0)[c.integer("transA", 0) != 0 ? 0 : 1]);
    return output_elements(c) * (2.0 * inner + (c.has(2) ? 1.0 : 0.0));
}

[[nodiscard]] inline double flops_matmul(const op_context& c) {
    return 2.0 * output_elements(c) * static_cast<double>(c.dims(0).empty() ? 1 : c.dims(0).back());
}

}  // namespace dispart::detail

namespace dispart {

/// A parsed Einsum equation: one letter per axis of every operand and of the result.
struct einsum_equation {
    std::vector<std::string> operands{};
    std::string output{};
    std::map<char, std::int64_t> extents{};
};

/// Parses `equation` against the operands' shapes. An ellipsis stands for axes named '0', '1', ... from the back.
/// Errors: shape_mismatch (wrong number of operands or axes, extents that differ), unsupported (unknown characters).
[[nodiscard]] inline result<einsum_equation> parse_einsum(const op_context& c) {
    auto text = c.text("equation", "");
    text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
    const auto arrow = text.find("->");
    einsum_equation parsed;
    std::string terms = text.substr(0, arrow);
    for (std::size_t begin = 0; begin <= terms.size();) {
        const auto end = std::min(terms.find(',', begin), terms.size());
        parsed.operands.push_back(terms.substr(begin, end - begin));
        begin = end + 1;
    }
    if (parsed.operands.size() != c.inputs.size())
        return c.bad_shape("'" + text + "' has not one term per operand");
    std::size_t widest = 0;
    const auto expand = [](std::string& term, std::size_t axes) {
        const auto at = term.find("...");
        if (at == std::string::npos) return;
        std::string letters;
        for (std::size_t i = axes; i > 0; --i) letters += static_cast<char>('0' + static_cast<char>(i - 1));
        term.replace(at, 3, letters);
    };
    std::map<char, int> uses;
    for (std::size_t i = 0; i < parsed.operands.size(); ++i) {
        auto& term = parsed.operands[i];
        if (!c.has(i)) return c.bad_shape("an operand is absent");
        const bool dots = term.find("...") != std::string::npos;
        const auto named = term.size() - (dots ? 3 : 0);
        if (named > c.rank(i) || (!dots && named != c.rank(i)) || c.rank(i) - named > 9)
            return c.bad_shape("term '" + term + "' does not describe " + to_string(c.dims(i)));
        widest = std::max(widest, c.rank(i) - named);
        expand(term, c.rank(i) - named);
        for (std::size_t axis = 0; axis < term.size(); ++axis) {
            const char letter = term[axis];
            const bool known = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
            const bool dotted = letter >= '0' && letter <= '9' && dots;
            if (!known && !dotted) return c.fail(errc::unsupported, "cannot read equation '" + text + "'");
            const auto extent = c.dims(i)[axis];
            auto& seen = parsed.extents.emplace(letter, extent).first->second;
            if (dotted && seen == 1) seen = extent;
            if (seen != extent && !(dotted && extent == 1))
                return c.bad_shape("axis '" + std::string(1, letter) + "' has two extents");
            ++uses[letter];
        }
    }
    if (arrow == std::string::npos) {
        for (std::size_t i = widest; i > 0; --i)
            parsed.output += static_cast<char>('0' + static_cast<char>(i - 1));
        for (const auto& [letter, n] : uses)
            if (n == 1 && letter > '9') parsed.output += letter;
    } else {
        parsed.output = text.substr(arrow + 2);
        expand(parsed.output, widest);
    }
    std::map<char, int> listed;
    for (const char letter : parsed.output)
        if (parsed.extents.find(letter) == parsed.extents.end() || ++listed[letter] > 1)
            return c.bad_shape("the result of '" + text + "' has an unknown or repeated axis");
    return parsed;
}

namespace detail {

[[nodiscard]] inline inferred_list infer_einsum(const op_context& c) {
    DISPART_TRY(const auto equation, parse_einsum(c));
    shape dims;
    for (const char letter : equation.output) dims.push_back(equation.extents.at(letter));
    return one(c.type(0), std::move(dims));
}

/// As many operations per point of the index space as there are operands (2: a multiply-add).
[[nodiscard]] inline double flops_einsum(const op_context& c) {
    const auto equation = parse_einsum(c);
    if (!equation) return 0.0;
    double points = 1.0;
    for (const auto& [letter, extent] : equation->extents) points *= static_cast<double>(extent);
    return points * static_cast<double>(c.inputs.size());
}

/// Determinants of a batch of square matrices.
[[nodiscard]] inline inferred_list infer_det(const op_context& c) {
    const auto& x = c.dims(0);
    if (x.size() < 2 || x[x.size() - 1] != x[x.size() - 2])
        return c.bad_shape("data " + to_string(x) + " is no square matrix");
    return one(c.type(0), shape(x.begin(), x.end() - 2));
}

/// LU decomposition: 2/3 n^3 each.
[[nodiscard]] inline double flops_det(const op_context& c) {
    const auto n = static_cast<double>(c.dims(0).back());
    return output_elements(c) * 2.0 / 3.0 * n * n * n;
}

inline constexpr auto matrix_operators = std::to_array<operator_spec>({
    {"Det", 1, 1, infer_det, flops_det},
    {"Einsum", 1, any_number, infer_einsum, flops_einsum},
    {"Gemm", 2, 3, infer_gemm, flops_gemm},
    {"MatMul", 2, 2, infer_matmul, flops_matmul},
});

}  // namespace detail

}  // namespace dispart
