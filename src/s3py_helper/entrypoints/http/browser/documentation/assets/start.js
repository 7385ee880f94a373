// Relative, so that it is found behind every proxy.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, displayOperationId: true });
