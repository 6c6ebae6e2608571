#pragma once
/// \file
/// Matrix products: MatMul, Gemm, and the integer and quantised forms.

#include <Eigen/Core>

#include <memory>

#include "dispart/run/kernels/simd/gemm.hpp"
#include "dispart/run/kernels/strides.hpp"
#include "dispart/run/kernels/types.hpp"

namespace dispart::kernels {

/// out [m, n] = a [m, k] b [k, n], all row-major and dense but for the steps that are stated.
struct product_extents {
    std::int64_t m = 0, k = 0, n = 0;
    std::int64_t out_step = 0;  ///< elements from one row of the result to the next; 0 means n
    std::int64_t b_step = 0;    ///< of b; 0 means n

    [[nodiscard]] std::int64_t out_row() const noexcept { return out_step != 0 ? out_step : n; }
    [[nodiscard]] std::int64_t b_row() const noexcept { return b_step != 0 ? b_step : n; }
};

/// f32: the packed kernels of the processor's instruction set. `scratch` grows as needed.
inline void multiply_matrices(const float* a, const float* b, float* out, const product_extents& e,
                              std::vector<float>& scratch) {
    dynamic_gemm_args args{.rows = e.m,
                           .depth = e.k,
                           .columns = e.n,
                           .a = a,
                           .b = b,
                           .b_stride = e.b_row(),
                           .c = out,
                           .c_stride = e.out_row()};
    constexpr std::size_t line = 64;
    const auto needed = workspace_bytes(args);
    scratch.resize(std::max(scratch.size(), (needed + line) / sizeof(float)));
    void* start = scratch.data();
    std::size_t room = scratch.size() * sizeof(float);
    args.workspace = static_cast<float*>(std::align(line, needed, start, room));
    gemm(args);
}

/// f64: Eigen. Integers: a plain loop, wrapping.
template <class T>
void multiply_matrices(const T* a, const T* b, T* out, const product_extents& e, std::vector<T>&) {
    if constexpr (std::is_same_v<T, double>) {
        using rows = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        using step = Eigen::OuterStride<>;
        Eigen::Map<rows, 0, step>(out, e.m, e.n, step(e.out_row())).noalias() =
            Eigen::Map<const rows>(a, e.m, e.k) *
            Eigen::Map<const rows, 0, step>(b, e.k, e.n, step(e.b_row()));
    } else {
        for (std::int64_t i = 0; i < e.m; ++i) {
            T* row = out + i * e.out_row();
            std::fill_n(row, e.n, T{0});
            for (std::int64_t p = 0; p < e.k; ++p)
                for (std::int64_t j = 0; j < e.n; ++j)
                    row[j] = wrap_add(row[j], wrap_multiply(a[i * e.k + p], b[p * e.b_row() + j]));
        }
    }
}

/// The product of any extents, zero included.
template <class T>
void multiply(const T* a, const T* b, T* out, const product_extents& e, std::vector<T>& scratch) {
    if (e.m == 0 || e.n == 0) return;
    if (e.k > 0) return multiply_matrices(a, b, out, e, scratch);
    for (std::int64_t i = 0; i < e.m; ++i) std::fill_n(out + i * e.out_row(), e.n, T{0});
}

namespace detail {

/// What NumPy's matmul does with two shapes: matrices of [m, k] and [k, n], and how they are paired up.
struct matmul_plan {
    std::int64_t m = 1, k = 1, n = 1;
    shape batch;      ///< common leading extents
    strides a_steps;  ///< in matrices
    strides b_steps;
    shape result;
};

[[nodiscard]] inline result<matmul_plan> plan_matmul(const call& c, shape a, shape b) {
    if (a.empty() || b.empty()) return c.bad_shape("an operand is a scalar");
    const auto text = to_string(a) + " and " + to_string(b);
    const bool vector_a = a.size() == 1;
    const bool vector_b = b.size() == 1;
    if (vector_a) a.insert(a.begin(), 1);
    if (vector_b) b.push_back(1);
    matmul_plan plan;
    plan.m = a[a.size() - 2];
    plan.k = a.back();
    plan.n = b.back();
    if (b[b.size() - 2] != plan.k) return c.bad_shape(text + " do not multiply");
    a.resize(a.size() - 2);
    b.resize(b.size() - 2);
    DISPART_TRY(plan.batch, broadcast_shape(c, a, b));
    plan.a_steps = broadcast_strides(a, plan.batch);
    plan.b_steps = broadcast_strides(b, plan.batch);
    plan.result = plan.batch;
    if (!vector_a) plan.result.push_back(plan.m);
    if (!vector_b) plan.result.push_back(plan.n);
    return plan;
}

/// Calls `f(a_matrix, b_matrix, out_matrix)` with the numbers of the matrices to multiply.
template <class F>
void for_each_matrix(const matmul_plan& plan, F f) {
    const walk<3> all{plan.batch, {plan.a_steps, plan.b_steps, dense_strides(plan.batch)}};
    for_each_row<3>(all, [&](const auto& offset, std::int64_t count, const auto& step) {
        for (std::int64_t i = 0; i < count; ++i)
            f(offset[0] + i * step[0], offset[1] + i * step[1], offset[2] + i * step[2]);
    });
}

/// The plan carried out on elements of type T.
template <class T>
void run_matmul(const matmul_plan& plan, const T* a, const T* b, T* out) {
    std::vector<T> scratch;
    for_each_matrix(plan, [&](std::int64_t ia, std::int64_t ib, std::int64_t io) {
        kernels::multiply(a + ia * plan.m * plan.k, b + ib * plan.k * plan.n, out + io * plan.m * plan.n,
                          {plan.m, plan.k, plan.n}, scratch);
    });
}

}  // namespace detail

/// MatMul with NumPy's rules for vectors and batches.
template <class = void>
[[nodiscard]] outcome matmul_kernel(const call& c) {
    DISPART_CHECK(c.same_type(0, 1));
    DISPART_TRY(const auto plan, detail::plan_matmul(c, c.in[0].dims(), c.in[1].dims()));
    DISPART_TRY(tensor out, c.make(c.in[0].type(), plan.result));
    if (out.size() == 0) return one(std::move(out));
    using types = type_list<float, double, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>;
    const bool known = visit_type(types{}, out.type(), [&]<class T>(std::type_identity<T>) {
        detail::run_matmul(plan, c.in[0].data<T>().data(), c.in[1].data<T>().data(), out.data<T>().data());
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

namespace detail {

/// A copy of a [rows, columns] matrix, transposed where asked.
template <class T>
[[nodiscard]] std::vector<T> matrix_copy(const tensor& from, bool transpose) {
    const auto rows = from.dims()[0];
    const auto columns = from.dims()[1];
    const T* values = from.data<T>().data();
    std::vector<T> to(values, values + from.size());
    if (!transpose) return to;
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j)
            to[static_cast<std::size_t>(j * rows + i)] = values[i * columns + j];
    return to;
}

struct gemm_extents {
    std::int64_t m, k, n;
};
[[nodiscard]] inline result<gemm_extents> gemm_extents_of(const call& c, bool transpose_a, bool transpose_b) {
    const auto& a = c.in[0].dims();
    const auto& b = c.in[1].dims();
    if (a.size() != 2 || b.size() != 2 || a[transpose_a ? 0 : 1] != b[transpose_b ? 1 : 0])
        return c.bad_shape(to_string(a) + " and " + to_string(b) + " do not multiply");
    return gemm_extents{a[transpose_a ? 1 : 0], a[transpose_a ? 0 : 1], b[transpose_b ? 0 : 1]};
}

}  // namespace detail

/// Gemm: alpha A' B' + beta C, with C broadcast to the result.
template <class = void>
[[nodiscard]] outcome gemm_kernel(const call& c) {
    const bool transpose_a = c.integer("transA", 0) != 0;
    const bool transpose_b = c.integer("transB", 0) != 0;
    DISPART_CHECK(c.same_type(0, 1));
    DISPART_CHECK(c.same_type(0, 2));
    DISPART_TRY(const auto size, detail::gemm_extents_of(c, transpose_a, transpose_b));
    const shape dims{size.m, size.n};
    DISPART_TRY(tensor out, c.make(c.in[0].type(), dims));
    tensor bias;
    if (c.has(2)) {
        DISPART_TRY(const shape common, broadcast_shape(c, dims, c.in[2].dims()));
        if (common != dims)
            return c.bad_shape("C " + to_string(c.in[2].dims()) + " does not fit into " + to_string(dims));
        DISPART_TRY(bias, expanded(c, c.in[2], dims));
    }
    const float alpha = c.real("alpha", 1.0F);
    const float beta = c.real("beta", 1.0F);
    const bool known = visit_type(common_types{}, out.type(), [&]<class T>(std::type_identity<T>) {
        const auto a = detail::matrix_copy<T>(c.in[0], transpose_a);
        const auto b = detail::matrix_copy<T>(c.in[1], transpose_b);
        T* to = out.data<T>().data();
        std::vector<T> scratch;
        multiply(a.data(), b.data(), to, {size.m, size.k, size.n}, scratch);
        const T* add = bias.has_value() ? bias.data<T>().data() : nullptr;
        for (std::size_t i = 0; i < out.size(); ++i) {
            const T scaled = alpha == 1.0F ? to[i] : convert<T>(alpha * static_cast<float>(to[i]));
            const T offset = add == nullptr ? T{0}
                             : beta == 1.0F ? add[i]
                                            : convert<T>(beta * static_cast<float>(add[i]));
            to[i] = wrap_add(scaled, offset);
        }
    });
    if (!known) return c.bad_type(0);
    return one(std::move(out));
}

namespace detail {

/// An 8-bit matrix operand less its zero point: one for all, or one per row (of A) or column (of B).
template <class = void>
[[nodiscard]] result<std::vector<std::int32_t>> centred(const call& c, std::size_t operand, std::size_t zero,
                                                        bool per_column) {
    const auto& x = c.in[operand];
    if (x.type() != dtype::u8 && x.type() != dtype::i8) return c.bad_type(operand);
    auto values = values_as<std::int32_t>(x);
    if (!c.has(zero)) return values;
    DISPART_CHECK(c.same_type(operand, zero));
    const auto points = values_as<std::int32_t>(c.in[zero]);
    const std::int64_t columns = x.dims().back();
    const std::int64_t rows = x.rank() > 1 ? x.dims()[x.rank() - 2] : 1;
    const auto expected = per_column ? columns : rows;
    if (points.size() != 1 && static_cast<std::int64_t>(points.size()) != expected)
        return c.bad_shape("zero point " + to_string(c.in[zero].dims()) + " for " + to_string(x.dims()));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto place = static_cast<std::int64_t>(i);
        const auto line = per_column ? place % columns : place / columns % rows;
        values[i] -= points[points.size() == 1 ? 0 : static_cast<std::size_t>(line)];
    }
    return values;
}

template <class = void>
[[nodiscard]] result<tensor> integer_product(const call& c, std::size_t a, std::size_t a_zero, std::size_t b,
                                             std::size_t b_zero) {
    DISPART_TRY(const auto plan, plan_matmul(c, c.in[a].dims(), c.in[b].dims()));
    DISPART_TRY(const auto left, centred(c, a, a_zero, false));
    DISPART_TRY(const auto right, centred(c, b, b_zero, true));
    DISPART_TRY(tensor out, c.make(dtype::i32, plan.result));
    if (out.size() > 0) run_matmul(plan, left.data(), right.data(), out.data<std::int32_t>().data());
    return out;
}

}  // namespace detail

/// MatMulInteger: 8-bit operands less their zero points, 32-bit sums.
template <class = void>
[[nodiscard]] outcome matmul_integer_kernel(const call& c) {
    DISPART_TRY(tensor out, detail::integer_product(c, 0, 2, 1, 3));
    return one(std::move(out));
}

template <class = void>
inline constexpr auto matmul_rows = std::to_array<kernel_row>({
    {"Gemm", gemm_kernel<>, 2, 3},
    {"MatMul", matmul_kernel<>, 2, 2},
    {"MatMulInteger", matmul_integer_kernel<>, 2, 4},
});

}  // namespace dispart::kernels
