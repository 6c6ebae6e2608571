#pragma once
/// \file
/// Einsum by its definition: sums of products over all labels, and Det.

#include <map>

#include "dispart/run/kernels/strides.hpp"
#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

namespace detail {

/// An equation with its labels numbered: results first, then those that are summed over.
struct einsum_plan {
    std::vector<std::int64_t> extents;   ///< of each label
    std::vector<strides> operand_steps;  ///< per operand and label
    std::size_t result_labels = 0;
};

/// The labels of one term, letters as they are, the axes of an ellipsis as 0, 1, ... aligned at their end.
[[nodiscard]] inline result<std::vector<char>> term_labels(const call& c, std::string_view term,
                                                           std::size_t rank, std::size_t ellipsis_axes) {
    std::vector<char> labels;
    const auto dots = term.find("...");
    const std::size_t letters = term.size() - (dots == term.npos ? 0 : 3);
    const std::size_t hidden = dots == term.npos ? 0 : rank - std::min(rank, letters);
    for (std::size_t i = 0; i < term.size(); ++i) {
        if (i == dots) {
            for (std::size_t k = 0; k < hidden; ++k)
                labels.push_back(static_cast<char>(ellipsis_axes - hidden + k));
            i += 2;
        } else if ((term[i] >= 'a' && term[i] <= 'z') || (term[i] >= 'A' && term[i] <= 'Z')) {
            labels.push_back(term[i]);
        } else {
            return c.fail(errc::invalid_model, "equation '" + std::string(term) + "'");
        }
    }
    return labels;
}

struct einsum_terms {
    std::vector<std::string> operands;
    std::string result;
    bool explicit_result = false;
};
[[nodiscard]] inline einsum_terms split_equation(std::string text) {
    std::erase(text, ' ');
    einsum_terms terms;
    const auto arrow = text.find("->");
    terms.explicit_result = arrow != text.npos;
    if (terms.explicit_result) terms.result = text.substr(arrow + 2);
    std::string left = text.substr(0, arrow);
    for (std::size_t comma = left.find(','); comma != left.npos; comma = left.find(',')) {
        terms.operands.push_back(left.substr(0, comma));
        left.erase(0, comma + 1);
    }
    terms.operands.push_back(left);
    return terms;
}

/// Most axes of any operand's ellipsis.
[[nodiscard]] inline std::size_t ellipsis_axes(const call& c, const einsum_terms& terms) {
    std::size_t most = 0;
    for (std::size_t i = 0; i < terms.operands.size(); ++i)
        if (terms.operands[i].find("...") != std::string::npos)
            most = std::max(most, c.in[i].rank() - std::min(c.in[i].rank(), terms.operands[i].size() - 3));
    return most;
}

/// Labels of the result: stated, or the ellipsis and then, sorted, the letters that occur once.
template <class = void>
[[nodiscard]] result<std::vector<char>> result_labels(const call& c, const einsum_terms& terms,
                                                      std::size_t hidden) {
    if (terms.explicit_result) {
        const bool dots = terms.result.find("...") != std::string::npos;
        return term_labels(c, terms.result, dots ? hidden + terms.result.size() - 3 : 0, hidden);
    }
    std::map<char, int> seen;
    for (const auto& term : terms.operands)
        for (const char letter : term)
            if (letter != '.') ++seen[letter];
    std::vector<char> labels;
    for (std::size_t i = 0; i < hidden; ++i) labels.push_back(static_cast<char>(i));
    for (const auto& [letter, count] : seen)
        if (count == 1) labels.push_back(letter);
    return labels;
}

template <class = void>
[[nodiscard]] result<einsum_plan> plan_einsum(const call& c) {
    const auto terms = split_equation(c.text("equation", ""));
    if (terms.operands.size() != c.in.size())
        return c.fail(errc::invalid_model, "the equation has another number of operands");
    const auto hidden = ellipsis_axes(c, terms);
    DISPART_TRY(const auto out, result_labels(c, terms, hidden));
    std::map<char, std::size_t> number;
    einsum_plan plan;
    for (const char label : out)
        if (!number.emplace(label, number.size()).second)
            return c.fail(errc::invalid_model, "a label twice in the result");
    plan.result_labels = number.size();
    plan.extents.assign(number.size(), 1);
    std::vector<std::vector<char>> all;
    for (std::size_t i = 0; i < c.in.size(); ++i) {
        DISPART_TRY(auto labels, term_labels(c, terms.operands[i], c.in[i].rank(), hidden));
        if (labels.size() != c.in[i].rank())
            return c.bad_shape("term '" + terms.operands[i] + "' for " + to_string(c.in[i].dims()));
        for (std::size_t axis = 0; axis < labels.size(); ++axis) {
            const auto [found, added] = number.emplace(labels[axis], number.size());
            if (added) plan.extents.push_back(1);
            auto& size = plan.extents[found->second];
            const auto here = c.in[i].dims()[axis];
            if (size != here && size != 1 && here != 1)
                return c.bad_shape("a label has extents " + std::to_string(size) + " and " +
                                   std::to_string(here));
            if (size == 1) size = here;
        }
        all.push_back(std::move(labels));
    }
    for (std::size_t i = 0; i < c.in.size(); ++i) {
        const auto dense = dense_strides(c.in[i].dims());
        strides steps(plan.extents.size(), 0);
        for (std::size_t axis = 0; axis < all[i].size(); ++axis)
            if (c.in[i].dims()[axis] != 1) steps[number[all[i][axis]]] += dense[axis];
        plan.operand_steps.push_back(std::move(steps));
    }
    return plan;
}

/// Most multiply-adds that an equation may ask for.
inline constexpr std::int64_t max_einsum_terms = std::int64_t{1} << 36;

template <class T>
void run_einsum(const call& c, const einsum_plan& plan, T* out) {
    const std::size_t labels = plan.extents.size();
    std::vector<std::int64_t> index(labels, 0);
    std::vector<std::int64_t> offset(c.in.size(), 0);
    std::vector<const T*> data;
    for (const auto& operand : c.in) data.push_back(operand.data<T>().data());
    const shape result_dims(plan.extents.begin(),
                            plan.extents.begin() + static_cast<std::ptrdiff_t>(plan.result_labels));
    auto out_steps = dense_strides(result_dims);
    out_steps.resize(labels, 0);
    std::int64_t place = 0;
    for (;;) {
        T product = data[0][offset[0]];
        for (std::size_t i = 1; i < data.size(); ++i) product = wrap_multiply(product, data[i][offset[i]]);
        out[place] = wrap_add(out[place], product);
        std::size_t label = labels;
        while (label-- > 0) {
            const bool wraps = ++index[label] == plan.extents[label];
            const auto move = wraps ? 1 - plan.extents[label] : 1;
            for (std::size_t i = 0; i < data.size(); ++i) offset[i] += move * plan.operand_steps[i][label];
            place += move * out_steps[label];
            if (!wraps) break;
            index[label] = 0;
        }
        if (label == static_cast<std::size_t>(-1)) return;
    }
}

}  // namespace detail

/// Einsum, ellipses and repeated labels included. O(product of all labels' extents). Errors: limit_exceeded beyond 2^36.
template <class = void>
[[nodiscard]] outcome einsum_kernel(const call& c) {
    for (std::size_t i = 0; i < c.in.size(); ++i) {
        if (!c.has(i)) return c.fail(errc::invalid_model, "an operand is absent");
        DISPART_CHECK(c.same_type(0, i));
    }
    DISPART_TRY(const auto plan, detail::plan_einsum(c));
    std::int64_t work = 1;
    for (const auto size : plan.extents) work = dispart::detail::times(work, size);
    if (work > detail::max_einsum_terms)
        return c.fail(errc::limit_exceeded, std::to_string(work) + " multiply-adds");
    const shape dims(plan.extents.begin(),
                     plan.extents.begin() + static_cast<std::ptrdiff_t>(plan.result_labels));
    DISPART_TRY(tensor out, c.make_zero(c.in[0].type(), dims));
    if (work == 0) return one(std::move(out));
    const bool known = visit_type(common_types{}, out.type(), [&]<class T>(std::type_identity<T>) {
        detail::run_einsum(c, plan, out.data<T>().data());
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

namespace detail {
/// Gaussian elimination with partial pivoting on a copy.
template <class = void>
[[nodiscard]] double determinant(std::vector<double> m, std::size_t n) {
    double product = 1.0;
    for (std::size_t k = 0; k < n; ++k) {
        std::size_t pivot = k;
        for (std::size_t i = k + 1; i < n; ++i)
            if (std::abs(m[i * n + k]) > std::abs(m[pivot * n + k])) pivot = i;
        if (m[pivot * n + k] == 0.0) return 0.0;
        if (pivot != k) {
            for (std::size_t j = 0; j < n; ++j) std::swap(m[k * n + j], m[pivot * n + j]);
            product = -product;
        }
        product *= m[k * n + k];
        for (std::size_t i = k + 1; i < n; ++i) {
            const double factor = m[i * n + k] / m[k * n + k];
            for (std::size_t j = k; j < n; ++j) m[i * n + j] -= factor * m[k * n + j];
        }
    }
    return product;
}
}  // namespace detail

/// Det of each square matrix.
template <class = void>
[[nodiscard]] outcome det_kernel(const call& c) {
    const auto& x = c.in[0];
    if (x.rank() < 2 || x.dims().back() != x.dims()[x.rank() - 2])
        return c.bad_shape(to_string(x.dims()) + " is not square");
    const auto n = static_cast<std::size_t>(x.dims().back());
    DISPART_TRY(tensor out, c.make(x.type(), shape(x.dims().begin(), x.dims().end() - 2)));
    const bool known = visit_type(floating_types{}, x.type(), [&]<class T>(std::type_identity<T>) {
        for (std::size_t i = 0; i < out.size(); ++i) {
            const T* from = x.data<T>().data() + i * n * n;
            out.data<T>()[i] = static_cast<T>(detail::determinant({from, from + n * n}, n));
        }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

template <class = void>
inline constexpr auto einsum_rows = std::to_array<kernel_row>({
    {"Det", det_kernel<>, 1, 1},
    {"Einsum", einsum_kernel<>, 1, any_number},
});

}  // namespace dispart::kernels
