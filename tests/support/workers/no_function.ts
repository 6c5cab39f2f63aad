export default { no: "function" };
