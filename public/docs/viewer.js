// For reading only: nothing here takes a token, and nothing here calls the API.
const nothing = () => null;

window.SwaggerUIBundle({
  url: '/openapi.json',
  domNode: document.getElementById('viewer'),
  deepLinking: true,
  supportedSubmitMethods: [],
  validatorUrl: null,
  queryConfigEnabled: false,
  plugins: [() => ({ components: { authorizeBtn: nothing, authorizeOperationBtn: nothing } })],
});
