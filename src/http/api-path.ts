/** Where the API's resources are. Routes are declared with their whole paths, so that what metrics and the
 *  log call a route is our pattern and never the caller's spelling of it. */
export const apiPath = '/api/v1';
